"""The token that a request to SignalR's data plane is signed with.

A JWT (HS256 over the access key's text) whose audience is the address without its query, as the REST API reference says
and the newest SDK signs.
"""

import time

import jwt

from shared.adapters.worker_clock import BACKDATED_SECONDS, TOKEN_SECONDS
from shared.domain.keys import AccessKey

API_VERSION = "2022-06-01"


def signed(key: AccessKey, address: str) -> dict[str, str]:
    """The header that authorizes one request. Raises what a key that is none makes `jwt` raise."""
    now = int(time.time())
    dated = now - BACKDATED_SECONDS
    claims = {"aud": address, "iat": dated, "nbf": dated, "exp": now + TOKEN_SECONDS}
    return {"Authorization": f"Bearer {jwt.encode(claims, key.reveal(), algorithm='HS256')}"}
