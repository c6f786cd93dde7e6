"""Emulators of the Azure services the app speaks to, over TLS on 127.0.0.1, in a process of their own."""
