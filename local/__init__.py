"""The app with no Azure account: stand-ins of Azure, a Functions host, storage, and the demo."""
