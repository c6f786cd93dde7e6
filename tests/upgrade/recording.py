"""Takes down what the engine has written, and how the services stand at that moment: see `documents`."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from local.azure.remote import StandInError
from shared.model import ResourceId, fingerprint, published_fingerprint
from shared.requests import Wish
from shared.wiring import NAME
from tests.integration.engine import Engine
from tests.upgrade.documents import FOLDER

_FRESH = ("sentAt", "retireAfter", "RetireAfter")
_TIME = r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)"
_LEFT_OVER = re.compile(
    r"127\.0\.0\.1|localhost|AccessKey=|(?<![-\w])(?:[0-9a-f]{12}|[0-9a-f]{32})(?!\w)|[0-9A-Za-z]{80}"
)


@dataclass
class Recorder:
    """Watches one engine's resource, and writes documents about it."""

    engine: Engine
    _keys: dict[str, list[str]] = field(default_factory=dict)
    _tags: dict[str, str] = field(default_factory=dict)
    _renewed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._endpoint = self.engine.azure.connection_endpoint(self.engine.resource)
        self.look()

    def tag(self, tags: dict[str, str]) -> None:
        """Give the resource these tags."""
        self.engine.azure.update_signalr(self.engine.resource, tags=tags)
        self._tags = tags

    # -- the queue, from the platform's side

    def taken(self) -> list[str]:
        """The messages that can be seen on the queue, taken off it: those about the resource, and notices."""
        with QueueClient.from_connection_string(self.engine.storage.connection_string, NAME) as queue:
            found = list(queue.receive_messages())
            for message in found:
                queue.delete_message(message)
        texts = (str(message.content) for message in found)
        return [text for text in texts if f'"resource":"{self.engine.resource}"' in text or '"eventId"' in text]

    def take(self) -> str:
        """The only one of these."""
        (found,) = self.taken()
        return found

    async def ask(self, wish: Wish) -> str:
        """Submit a wish for the resource; its message."""
        await self.engine.app.rotator.submit(wish)
        return self.take()

    # -- what is written down here

    async def save_message(self, name: str, what: str, message: str, **end: Any) -> None:
        """Write a document about a message."""
        content = {"name": name, "what": what, "message": message}
        self._save(content | {"situation": await self._situation(), "end": end}, "requestedAt")

    async def save_blob(self, name: str, what: str, at: str, *fresh: str, **end: Any) -> None:
        """Write a document about a blob. `fresh` names further times that a test needs fresh."""
        text, metadata = await self._blob(at)
        situation = await self._situation()
        if at == self.engine.record_name:
            situation.pop("record")
        content = {"name": name, "what": what, "at": at, "blob": text, "metadata": metadata}
        self._save(content | {"situation": situation, "end": end}, *fresh)

    async def save_record(self, name: str, what: str, *fresh: str, **end: Any) -> None:
        """Write a document about the resource's own blob."""
        await self.save_blob(name, what, self.engine.record_name, *fresh, **end)

    def _save(self, content: Mapping[str, Any], *fresh: str) -> None:
        now = datetime.now(UTC)

        def ago(found: re.Match[str]) -> str:
            """Its distance from now. Whole seconds stay whole, so that the time is written as it was."""
            seconds = (datetime.fromisoformat(found[2]).replace(tzinfo=UTC) - now) / timedelta(seconds=1)
            return f"{found[1]}{{{{now{seconds:+.{6 if '.' in found[2] else 0}f}s}}}}"

        text = json.dumps(content, indent=2)
        if any(key in text for keys in self._keys.values() for key in keys):
            raise AssertionError(f"{content['name']} holds a key")
        for word, value in self._words():
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", f"{{{{{word}}}}}", text)
        # A text inside the document has its quotes escaped.
        text = re.sub(rf'(\\?"(?:{"|".join((*_FRESH, *fresh))})\\?": ?\\?"){_TIME}', ago, text)
        if left := _LEFT_OVER.search(text):
            raise AssertionError(f"{content['name']} still holds {left[0][:40]!r}")
        (FOLDER / f"{content['name']}.json").write_text(text + "\n")

    def _words(self) -> list[tuple[str, str]]:
        engine, known = self.engine, ResourceId.parse(self.engine.resource)
        words = [("resource", engine.resource), ("resource_key", known.key), ("name", known.name)]
        words += [("endpoint", self._endpoint), ("vault", engine.azure.vaults[0])]
        words += [
            (f"{s.lower()}.{n}", fingerprint(key)) for s, keys in self._keys.items() for n, key in enumerate(keys)
        ]
        words += [(f"version.{n}", version["version"]) for n, version in enumerate(engine.versions)]
        return sorted(words, key=lambda word: -len(word[1]))

    # -- how the services stand

    def look(self) -> None:
        """Remember keys and renewals: before the resource is deleted, and before a slot is renewed a second time."""
        azure, resource = self.engine.azure, self.engine.resource
        with suppress(StandInError):
            for slot, key in azure.live_keys(resource).items():
                known = self._keys.setdefault(slot, [])
                known += [key] if key not in known else []
            self._renewed = [each["keyType"] for each in azure.regenerations(resource) if each["effectiveAt"]]

    async def _blob(self, name: str) -> tuple[str, dict[str, str]]:
        found = await self.engine.blobs.get_blob_client(NAME, name).download_blob()
        return (await found.readall()).decode(), dict(found.properties.metadata)

    async def _situation(self) -> dict[str, Any]:
        """All that a test needs to have the services stand like this for a resource of its own."""
        self.look()
        situation: dict[str, Any] = {"tags": self._tags, "renewed": self._renewed}
        situation["versions"] = [_told(version) for version in self.engine.versions]
        with suppress(ResourceNotFoundError):
            text, metadata = await self._blob(self.engine.record_name)
            situation["record"] = {"blob": text, "metadata": metadata}
        try:
            self.engine.azure.live_keys(self.engine.resource)
        except StandInError:
            situation["deleted"] = True
        return {name: value for name, value in situation.items() if value}


def _told(version: Mapping[str, Any]) -> dict[str, Any]:
    age = datetime.now(UTC) - datetime.fromisoformat(version["created"])
    return {
        "holds": published_fingerprint(version["value"]),
        "tags": version["tags"],
        "contentType": version["contentType"],
        "ageSeconds": round(age / timedelta(seconds=1)),
    }
