"""What version f93f389 has written, one JSON document each, and the words in it that every replay has its own for.

A document holds a text byte for byte as it stood in the storage (`blob` or `message`, and `metadata`), but for these:

    {{resource}} {{resource_key}} {{name}}  the resource: its ARM id, `ResourceId.key`, its name
    {{endpoint}} {{vault}}                  where SignalR and Key Vault answer
    {{primary.0}} {{secondary.1}} ...       the fingerprint of that slot's key, after so many renewals
    {{version.0}} {{version.1}} ...         the secret's versions, oldest first
    {{now-60.5s}}                           date and time so many seconds ago, where a test needs them fresh

The program that drove that version and wrote them stands in the history, in commit b1727e1: check it out, and run
`.venv/bin/python -m tests.upgrade.make_fixtures`.

`situation` says how the services stood at that moment; `end` what must come of it (see `replay`).
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel

FOLDER = Path(__file__).parent / "f93f389"
_WORD = re.compile(r"\{\{([^{}]+)\}\}")
_MOMENT = re.compile(r"now([+-][0-9]+)(\.[0-9]+)?s")


@dataclass(frozen=True)
class Document:
    """One text that was written, and what is known about it."""

    name: str
    what: str
    text: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    at: str = ""
    situation: Mapping[str, Any] = field(default_factory=dict)
    end: Mapping[str, Any] = field(default_factory=dict)

    @property
    def raw(self) -> dict[str, Any]:
        """The text as any reader of JSON sees it, placeholders filled with examples."""
        return dict(json.loads(fill(self.text) or "{}"))

    def raw_of(self, part: str) -> dict[str, Any]:
        """One part of it; empty where there is none."""
        return dict(self.raw.get(part, {}))

    def __str__(self) -> str:
        return self.name


def documents(kind: str) -> list[Document]:
    """All documents whose name begins so, as parameters of a test."""
    return [_read(path) for path in sorted(FOLDER.glob(f"{kind}*.json"))]


def document(name: str) -> Document:
    """The document of this name."""
    return _read(FOLDER / f"{name}.json")


def fill(text: str, words: Mapping[str, str] | None = None) -> str:
    """The text with these words in place of the placeholders; without any, with examples. `now` is a word as well."""
    now = datetime.fromisoformat(words["now"]) if words else datetime.now(UTC)

    def word(found: re.Match[str]) -> str:
        if moment := _MOMENT.fullmatch(found[1]):
            seconds, fraction = moment.groups()
            at = now + timedelta(seconds=float(f"{seconds}{fraction or ''}"))
            return f"{at:%Y-%m-%dT%H:%M:%S.%f}" if fraction else f"{at:%Y-%m-%dT%H:%M:%S}"
        return _example(found[1]) if words is None else words[found[1]]

    return _WORD.sub(word, text)


def lost(text: str, read: BaseModel) -> Counter[str]:
    """The values, and the keys of mappings with values for keys, that stand in the text but not in what was read."""
    return Counter(_leaves(json.loads(text))) - Counter(_leaves(read.model_dump(mode="json")))


def _leaves(content: object) -> Iterator[str]:
    if isinstance(content, dict):
        for value in content.values():
            yield from _leaves(value)
    elif isinstance(content, list):
        for value in content:
            yield from _leaves(value)
    else:
        yield json.dumps(content)


def _example(word: str) -> str:
    key = "5ab5c4b0-0000-4000-8000-000000000001/integration/example"
    provider = "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.SignalRService/SignalR/{}"
    known = {
        "resource": provider.format(*key.split("/")),
        "resource_key": key,
        "name": "example",
        "endpoint": "https://example.service.signalr.net",
        "vault": "https://example.vault.azure.net",
    }
    slot, _, number = word.partition(".")
    return known.get(word) or f"{slot.encode().hex()[:11]:0<11}{number}" * (3 if slot == "version" else 1)


def _read(path: Path) -> Document:
    known = json.loads(path.read_text())
    text = known.pop("blob", None)
    return Document(text=known.pop("message") if text is None else text, **known)
