"""Whether SignalR itself accepts a key: one signed request to the data plane.

`HEAD {endpoint}/api/hubs/{hub}/users/{user}` with a JWT (HS256 over the access key's text) is answered 200 or 404 when
the key is accepted and 401 when it is not (SignalR REST API reference, 2022-06-01). The reference signs `aud` without
the query, the service SDK signs it with the query: a key counts as rejected only when both are.
"""

import time
import urllib.parse

import aiohttp
import jwt
from yarl import URL

from shared.domain.keys import AccessKey
from shared.rotation.ports import Verdict

_API_VERSION = "2022-06-01"
_HUB, _USER = "keyrotation", "probe"
_TOKEN_SECONDS = 300
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_REJECTED, _ACCEPTED = 401, {200, 404}


class SignalRProbe:
    """`KeyProbe`: one request for each look."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def probe(self, key: AccessKey) -> Verdict:
        """See `KeyProbe.probe`."""
        path = f"{key.endpoint}/api/hubs/{_HUB}/users/{_USER}"
        url = f"{path}?{urllib.parse.urlencode({'api-version': _API_VERSION})}"
        verdict = await self._ask(url, path, key)
        return await self._ask(url, url, key) if verdict is Verdict.REJECTED else verdict

    async def _ask(self, url: str, audience: str, key: AccessKey) -> Verdict:
        claims = {"aud": audience, "exp": int(time.time()) + _TOKEN_SECONDS}
        token = jwt.encode(claims, key.reveal(), algorithm="HS256")
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with self._session.head(
                URL(url, encoded=True), headers=headers, timeout=_TIMEOUT, allow_redirects=False
            ) as answer:
                if answer.status == _REJECTED:
                    return Verdict.REJECTED
                return Verdict.ACCEPTED if answer.status in _ACCEPTED else Verdict.UNREACHABLE
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Verdict.UNREACHABLE
