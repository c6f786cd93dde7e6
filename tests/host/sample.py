"""A host of the sample app, as the tests hold it."""

import base64
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from azure.storage.queue import QueueClient

from local.functions_host import FunctionsHost

APPS = Path(__file__).parent / "apps"
NEVER = "0 0 0 1 1 *"


@dataclass(frozen=True, slots=True)
class Sample:
    """A host of the sample app and the queue it listens on."""

    host: FunctionsHost
    queue: QueueClient
    poison: QueueClient
    settings: dict[str, str]

    def send(self, text: str) -> None:
        self.queue.send_message(base64.b64encode(text.encode()).decode())

    def logged(self, message: str, **fields: object) -> list[dict[str, Any]]:
        """The app's and host's lines with this message and these fields."""
        lines = [line for line in self.host.logs() if line.get("message") == message]
        return [line for line in lines if all(line.get(name) == value for name, value in fields.items())]


def eventually(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """Ask until the answer is true, and return it; the last answer when time is up."""
    until = time.monotonic() + seconds
    while not (answer := condition()) and time.monotonic() < until:
        time.sleep(0.02)
    return answer


def entra_token(audience: str) -> tuple[str, int]:
    """A token as Microsoft Entra gives it for Storage, which Azurite reads but does not verify, and its expiry."""
    expires = int(time.time()) + 600
    issuer = f"https://sts.windows.net/{uuid.uuid4()}/"
    claims = {"aud": audience, "iss": issuer, "iat": expires - 600, "nbf": expires - 605, "exp": expires}
    return jwt.encode(claims, "any key will do, none is known to Azurite"), expires
