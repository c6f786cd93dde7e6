"""Access keys as SignalR Service makes them, and the connection strings that carry them."""

import base64
import string
from random import Random

_ALPHABET = string.ascii_letters + string.digits


def new_key(random: Random, *, short: bool = False) -> str:
    """A key of 84 characters, or of 44 as older resources still have them."""
    if short:
        return base64.b64encode(random.randbytes(32)).decode()
    return "".join(random.choices(_ALPHABET, k=84))


def connection_string(endpoint: str, key: str) -> str:
    """What the portal shows and `listKeys` answers."""
    return f"Endpoint={endpoint};AccessKey={key};Version=1.0;"
