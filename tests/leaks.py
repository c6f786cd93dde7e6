"""Looks for key material where none may be. Every key that a test's resources ever had is looked for."""

import base64
import re
from collections.abc import Iterable

from local.azure.client import AzureEmulator

_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.")


class KeyWatch:
    """Remembers keys as they come and go, by asking the emulator now and again."""

    def __init__(self, azure: AzureEmulator, *resources: str) -> None:
        self._azure = azure
        self._resources = resources
        self.keys: set[str] = set()
        self.look()

    def look(self) -> None:
        """Remember the keys that are live now, and all that were ever published."""
        for resource in self._resources:
            self.keys |= set(self._azure.valid_keys(resource).values())
        for versions in self._azure.secrets().values():
            for version in versions:
                key = version["value"].partition("AccessKey=")[2].partition(";")[0]
                self.keys |= {key} if key else set()

    def assert_absent_from(self, texts: Iterable[tuple[str, str]]) -> None:
        """Fail, naming the place but not the key, if a key, its base64 form or a bearer token is in a (place, text).

        Fail as well where there is no text at all: nothing could be found in it.
        """
        self.look()
        assert self.keys, "the watch knows no key: it could not find one either"
        searched = [(place, text) for place, text in texts if text.strip()]
        assert searched, "there is no text to look for a key in"
        needles = self.keys | {base64.b64encode(key.encode()).decode() for key in self.keys}
        places = [place for place, text in searched if any(key in text for key in needles) or _TOKEN.search(text)]
        assert [] == places, f"key material in: {places}"
