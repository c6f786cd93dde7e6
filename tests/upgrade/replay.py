"""Brings the services, and the storage, to where they stood when a document was written: for another resource."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient

from shared.adapters.azure_services import NAME
from shared.domain.keys import fingerprint
from shared.domain.resources import ResourceId
from tests.integration.engine import Engine
from tests.upgrade.documents import Document, fill


@dataclass
class Replay:
    """A document's text in the words of the engine's resource, and what the app does from then on."""

    engine: Engine
    text: str
    words: Mapping[str, str]
    deleted: bool
    changed_before: int

    @classmethod
    async def of(cls, engine: Engine, document: Document) -> Self:
        """Stage all that the document tells of: tags, keys, versions, the record, and its own blob."""
        situation = document.situation
        words = _staged(engine, situation)
        if record := situation.get("record"):
            await _put(engine, words, engine.record_name, record["blob"], record["metadata"])
        if document.at:
            await _put(engine, words, document.at, document.text, document.metadata)
        changed, deleted = len(engine.changes), situation.get("deleted", False)
        if deleted:
            engine.azure.delete_signalr(engine.resource)
        return cls(engine, fill(document.text, words), words, deleted, changed)

    @property
    def changes(self) -> list[str]:
        """The slots that were renewed since then."""
        return [] if self.deleted else self.engine.changes[self.changed_before :]

    @property
    def told(self) -> list[str]:
        """The kinds of the events that were sent since then: nothing was, before."""
        return self.engine.told

    async def work(self) -> None:
        """Work on the message, and on what it puts on the queue to be done at once."""
        with QueueClient.from_connection_string(self.engine.storage.connection_string, NAME) as queue:
            with suppress(ResourceExistsError):
                queue.create_queue()
            queue.clear_messages()
            await self.engine.app.messages.work(self.text.encode())
            for message in queue.receive_messages():
                await self.engine.app.messages.work(str(message.content).encode())


def _staged(engine: Engine, situation: Mapping[str, Any]) -> dict[str, str]:
    """The words of the engine's resource, once its tags, keys and versions are as they were."""
    azure, resource, known = engine.azure, engine.resource, ResourceId.parse(engine.resource)
    azure.update_signalr(resource, tags=situation.get("tags", {}))
    renewals = dict.fromkeys(("Primary", "Secondary", "Salt"), 0)
    keys = _keys(engine, renewals)
    for slot in situation.get("renewed", ()):
        azure.regenerate_in_portal(resource, slot)
        renewals[slot] += 1
        keys |= _keys(engine, renewals)
    words = {"now": f"{datetime.now(UTC)}", "resource": resource, "resource_key": known.key, "name": known.name}
    words |= {"endpoint": azure.connection_endpoint(resource), "vault": azure.vaults[0]}
    words |= {word: fingerprint(key) for word, key in keys.items()}
    for number, version in enumerate(situation.get("versions", ())):
        words[f"version.{number}"] = azure.put_secret(
            engine.secret,
            f"Endpoint={words['endpoint']};AccessKey={keys[version['holds'].strip('{}')]};Version=1.0;",
            tags={name: fill(value, words) for name, value in version["tags"].items()},
            content_type=version["contentType"],
            created=datetime.now(UTC) - timedelta(seconds=version["ageSeconds"]),
        )
    return words


def _keys(engine: Engine, renewals: Mapping[str, int]) -> dict[str, str]:
    """The keys that are live now, by the words that name their fingerprints."""
    return {f"{slot.lower()}.{renewals[slot]}": key for slot, key in engine.azure.valid_keys(engine.resource).items()}


async def _put(engine: Engine, words: Mapping[str, str], at: str, text: str, metadata: Mapping[str, str]) -> None:
    container = engine.blobs.get_container_client(NAME)
    with suppress(ResourceExistsError):
        await container.create_container()
    filled = {name: fill(value, words) for name, value in metadata.items()}
    await container.upload_blob(fill(at, words), fill(text, words), metadata=filled, overwrite=True)
