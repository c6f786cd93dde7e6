"""The newest key of a SignalR resource: read from Key Vault, held in memory, replaced there without a restart.

It is read again after a while, and at once when an event tells of a new version or SignalR rejects it. While the vault
does not answer, or holds what is no connection string, the key in memory stays in use.
"""  # noqa: INP001 - copied, not imported

import asyncio
import logging
import os
import time
from dataclasses import dataclass, field
from typing import Self

import jwt
from azure.core.exceptions import AzureError
from azure.identity.aio import DefaultAzureCredential
from azure.keyvault.secrets.aio import SecretClient

READ_AGAIN_SECONDS = float(os.environ.get("READ_AGAIN_SECONDS", "300"))
PAUSE_SECONDS = 1.0  # between two readings: a thousand clients that are rejected at once are one reading
BOUNDS = {"connection_timeout": 5, "read_timeout": 10, "retry_total": 1}  # the SDK's own are minutes
READING_SECONDS = 15.0  # with the token, which the credential fetches over connections of its own
TOKEN_SECONDS = 3600
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Key:
    """One version of the secret. `client_endpoint` differs from `endpoint` behind a reverse proxy."""

    version: str
    endpoint: str
    client_endpoint: str
    _value: str = field(repr=False)

    @classmethod
    def parse(cls, version: str, connection_string: str) -> Self:
        """Names are read without regard to case. Raises `ValueError` where there is no endpoint or no key."""
        pairs = (part.partition("=") for part in connection_string.split(";") if part.strip())
        parts = {name.strip().lower(): value.strip() for name, _, value in pairs}
        if not parts.get("endpoint") or not parts.get("accesskey"):
            raise ValueError(f"version {version} of the secret is no connection string with an access key")
        endpoint = parts["endpoint"].rstrip("/") + (f":{parts['port']}" if "port" in parts else "")
        return cls(version, endpoint, parts.get("clientendpoint", endpoint).rstrip("/"), parts["accesskey"])

    def token(self, audience: str, **claims: str) -> str:
        """A token for an hour. The key is the text of the connection string, not what Base64 makes of it."""
        return jwt.encode({**claims, "aud": audience, "exp": int(time.time()) + TOKEN_SECONDS}, self._value, "HS256")


class NewestKey:
    """The secret `name` of the vault at `url`, of which it keeps one version."""

    def __init__(self, url: str, name: str) -> None:
        loopback = url.startswith("https://127.0.0.1")  # an emulator has no vault.azure.net in its address
        self._credential = DefaultAzureCredential()
        self._vault = SecretClient(url, self._credential, verify_challenge_resource=not loopback, **BOUNDS)
        self._name = name
        self._held: Key | None = None
        self._failure: Exception | None = None
        self._read_at = self._ended_of = float("-inf")  # when the last reading began, and the last that has ended
        self._one_at_a_time = asyncio.Lock()

    async def current(self) -> Key:
        """The key in memory. Raises `AzureError`, `TimeoutError` or `ValueError` only while none was ever read."""
        if self._held and time.monotonic() < self._read_at + READ_AGAIN_SECONDS:
            return self._held
        return await self.newer_than(self._held)

    async def newer_than(self, key: Key | None) -> Key:
        """Read again, unless another caller has meanwhile replaced `key`. The same key where there is no newer one."""
        asked = time.monotonic()
        async with self._one_at_a_time:
            if self._held and self._held != key:
                return self._held
            if self._ended_of < asked:  # a reading begun after the question answers it, failed or not
                await self._read()
            if self._failure and not self._held:
                raise self._failure
            return self._held

    async def _read(self) -> None:
        await asyncio.sleep(self._read_at + PAUSE_SECONDS - time.monotonic())
        begun = self._read_at = time.monotonic()
        try:
            async with asyncio.timeout(READING_SECONDS):
                secret = await self._vault.get_secret(self._name)
            self._held, self._failure = Key.parse(str(secret.properties.version), secret.value or ""), None
        except (AzureError, TimeoutError, ValueError) as error:
            self._failure = error
            if self._held:
                log.warning("the newest key could not be read; %s stays in use", self._held.version, exc_info=error)
        self._ended_of = begun

    async def close(self) -> None:
        """Close the connections."""
        await self._vault.close()
        await self._credential.close()
