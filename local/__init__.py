"""The app with no Azure account: emulators of Azure, a Functions host, storage, and the demo."""
