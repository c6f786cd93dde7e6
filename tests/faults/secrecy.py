"""Invariant 5 over everything a run says: logs, exceptions with their chains, events, records. Found at the end."""

import logging
import re
import traceback

# Long enough to be a key or a part of one, as a word of its own; and any signed token.
_WORD = re.compile(r"[A-Za-z0-9+/]{20,}={0,2}")
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.")


class Secrecy(logging.Handler):
    """Hears every log line with all that rides on it, and whatever else it is shown."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.keys: set[str] = set()
        self.tokens = 0
        self.heard = 0
        self._words: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Hear a log line as the platform would ship it."""
        self.hear(record.getMessage(), *(str(value) for value in record.__dict__.values()))
        if record.exc_info:
            self.hear("".join(traceback.format_exception(*record.exc_info)))

    def hear(self, *texts: str) -> None:
        """Remember every word that could be a key."""
        for text in texts:
            self.heard += 1
            self._words.update(_WORD.findall(text))
            self.tokens += len(_TOKEN.findall(text))

    @property
    def leaks(self) -> int:
        """How many keys were heard, and tokens."""
        return len(self._words & self.keys) + self.tokens
