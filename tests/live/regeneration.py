"""A regeneration of a key, watched from all sides: what the claims are checked against."""

import time
from dataclasses import dataclass, field
from typing import Any

from tests.live.clients import Client, NotServedError, Transport
from tests.live.place import Place
from tests.live.wire import Answer

ACCEPTED = {200, 404}
POLLED = ("Azure-AsyncOperation", "Location")
EFFECTIVE_WITHIN_SECONDS = 600


class NotSeenError(Exception):
    """The question could not be put. The message says why."""


@dataclass
class Regeneration:
    """A regeneration of the primary key, watched from all sides."""

    place: Place
    clients: dict[str, Client | str] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)

    def watch(self) -> None:
        """Do it, and note everything down. Stops where it cannot go on; what was noted until then stays."""
        place, wire = self.place, self.place.wire
        before = self.keys("list keys before")
        self.seen["before"] = before
        wire.places[self.endpoint()] = "{endpoint}"
        transports: tuple[Transport, ...] = ("WebSockets", "ServerSentEvents")
        for transport in transports:
            self.clients[transport] = self.connected(transport, before["primaryKey"])
        accepted = self.regenerate("regenerate primary", "Primary")
        self.seen["accepted"] = accepted
        began = time.monotonic()
        self.seen["during"] = self.keys("list keys meanwhile")
        self.seen["state"] = wire.ask("get meanwhile", "GET", place.resource).body["properties"]["provisioningState"]
        self.seen["second"] = self.regenerate("regenerate secondary meanwhile", "Secondary")
        self.seen["old meanwhile"] = self.probe("old key meanwhile", before["primaryKey"]).status
        if shown := (accepted.body or {}).get("primaryKey"):
            self.seen["new meanwhile"] = self.probe("new key meanwhile", shown).status
        status_url = next(accepted.headers[name] for name in POLLED if name in accepted.headers)
        self.seen["statuses"] = statuses = []

        def over() -> dict[str, Any] | None:
            statuses.append(answer := wire.ask("status", "GET", status_url))
            told: dict[str, Any] = answer.body or {}
            return told if told.get("status") in {"Succeeded", "Failed", "Canceled"} else None

        self.seen["ended"] = place.until(over, EFFECTIVE_WITHIN_SECONDS)
        self.seen["ended after"] = time.monotonic() - began
        self.seen["after"] = after = self.keys("list keys after")
        old, new = before["primaryKey"], after["primaryKey"]
        place.until(lambda: self.probe("old key after", old).status == 401 or None, EFFECTIVE_WITHIN_SECONDS)
        place.until(lambda: self.probe("new key after", new).status in ACCEPTED or None, EFFECTIVE_WITHIN_SECONDS)
        self.seen["effective at"] = time.monotonic()
        self.seen["effective after"] = self.seen["effective at"] - began

    def need(self, name: str) -> Any:
        """Something noted down. Raises `NotSeenError`."""
        if name not in self.seen:
            raise NotSeenError(self.seen.get("broke off", "the regeneration did not get that far"))
        return self.seen[name]

    def endpoint(self) -> str:
        """The data plane's address, from a connection string."""
        return str(self.need("before")["primaryConnectionString"].partition("Endpoint=")[2].partition(";")[0])

    def connected(self, transport: Transport, key: str) -> Client | str:
        """A client that is connected with this key, or why it is not."""
        client = Client(self.endpoint(), key, transport)
        try:
            client.open()
        except NotServedError as refused:
            return str(refused)
        return client

    def keys(self, name: str) -> dict[str, str]:
        """Both keys and connection strings. Raises `NotSeenError`."""
        answer = self.place.wire.ask(name, "POST", f"{self.place.resource}/listKeys")
        if answer.status != 200:
            raise NotSeenError(f"listKeys was answered {answer.status} {answer.code}")
        return dict(answer.body)

    def regenerate(self, name: str, key_type: str) -> Answer:
        """Ask for a new key."""
        path = f"{self.place.resource}/regenerateKey"
        return self.place.wire.ask(name, "POST", path, body={"keyType": key_type})

    def probe(self, name: str, key: str) -> Answer:
        """Ask SignalR whether it takes the key."""
        return self.place.wire.signed(name, "HEAD", f"{self.endpoint()}/api/hubs/live/users/nobody", key)
