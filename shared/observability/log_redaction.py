"""The last line of defence: key material is taken out of a log record before anything formats or exports it.

Nothing is meant to reach it. It catches what slips: an exception's text, an f-string, an SDK's own log line. Keys that
the app has read are known by their fingerprint, never kept; the rest is known by its form: parts of connection strings,
`Bearer` and JWT, signed query parameters, function keys, the JSON of `listKeys`, and long runs of base64.
"""

import logging
import re
import traceback
from collections.abc import Mapping
from urllib.parse import unquote

from shared.domain.keys import fingerprint

REDACTED = "[redacted]"
SHORTEST_KEY = 16
_MOST_KNOWN = 20_000
_DEEPEST = 6

# A name, however it is quoted or escaped, then its value up to what can end one.
_NAMED = re.compile(
    r"(?P<name>\b(?:AccessKey|AccountKey|SharedAccessKey|SharedAccessSignature|primaryKey|secondaryKey"
    r"|primaryConnectionString|secondaryConnectionString|access_token|client_secret|x-functions-key|api[-_]key"
    r"|x-identity-header)\\?[\"']?\s*[=:]\s*\\?[\"']?)(?P<value>[^\s\"'\\;,&}{)(<>]+)",
    re.IGNORECASE,
)
# Signed query parameters: SAS (sig), poll addresses of ARM (t, c, s, h), function keys (code).
_SIGNED = re.compile(r"(?P<name>[?&](?:sig|signature|se|t|c|s|h|code)=)(?P<value>[^&\s\"'<>\\]{8,})", re.IGNORECASE)
_BEARER = re.compile(r"(?P<name>\bBearer\s+)(?P<value>[A-Za-z0-9._~+/=-]{8,})", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_.-])[A-Za-z0-9+/_-]{40,}={0,2}(?![A-Za-z0-9+/_-])")
_TOKEN = re.compile(rf"[^\s\"'<>(){{}}\[\],;&\\]{{{SHORTEST_KEY},}}")

_known: dict[str, None] = {}


def remember(*fingerprints: str) -> None:
    """Know the keys of these fingerprints again wherever they turn up: the newest few thousand."""
    for each in fingerprints:
        _known.pop(each, None)
        _known[each] = None
    while len(_known) > _MOST_KNOWN:
        del _known[next(iter(_known))]


def redacted(text: str) -> str:
    """The text without what is, or looks like, key material."""
    if len(text) < SHORTEST_KEY // 2:
        return text
    for pattern in (_NAMED, _SIGNED, _BEARER):
        text = pattern.sub(rf"\g<name>{REDACTED}", text)
    text = _JWT.sub(REDACTED, text)
    text = _BASE64.sub(_unless_plain, text)
    return _TOKEN.sub(_unless_unknown, text) if _known else text


class Redaction(logging.Filter):
    """Lets every record pass, the harmless ones as they are, the others as a copy without key material."""

    def filter(self, record: logging.LogRecord) -> logging.LogRecord:
        """Redact message, arguments, `extra`, exception and stack."""
        changes: dict[str, object] = {}
        message = _message(record)
        if (clean := redacted(message)) != message:
            changes |= {"msg": clean, "args": None}
        for name, value in vars(record).items():
            if name not in _STANDARD and (cleaned := _cleaned(value)) != value:
                changes[name] = cleaned
        if record.exc_info and record.exc_info[1]:
            text = "".join(traceback.format_exception(record.exc_info[1]))
            if (clean := redacted(text)) != text:
                # The exception itself would be formatted again further on: only its clean text goes on.
                changes |= {"exc_info": None, "exc_text": clean, "exception_redacted": clean}
        for name in ("exc_text", "stack_info"):
            value = getattr(record, name)
            if name not in changes and value and (clean := redacted(value)) != value:
                changes[name] = clean
        return logging.makeLogRecord(vars(record) | changes) if changes else record


def install(*loggers: logging.Logger) -> None:
    """Put the filter in front of every handler of these loggers (default: the root, where the platform's handler is).

    Called again it adds nothing: handlers that came since get theirs.
    """
    for logger in loggers or (logging.getLogger(),):
        for handler in logger.handlers:
            if not any(isinstance(each, Redaction) for each in handler.filters):
                handler.addFilter(Redaction())


_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # arguments that do not fit: the handler will complain, not we
        return f"{record.msg} {record.args}"


def _cleaned(value: object, depth: int = 0) -> object:
    """A value of `extra` without key material. What is no plain data is judged by its text."""
    if value is None or isinstance(value, bool | int | float) or depth > _DEEPEST:
        return value
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, bytes):
        text = value.decode("utf-8", "replace")
        return value if redacted(text) == text else redacted(text)
    if isinstance(value, Mapping):
        return {_cleaned(name, depth + 1): _cleaned(each, depth + 1) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)(_cleaned(each, depth + 1) for each in value) if type(value) in _PLAIN else str(value)
    text = str(value)
    return value if redacted(text) == text else redacted(text)


_PLAIN = (list, tuple, set, frozenset)


def _unless_plain(match: re.Match[str]) -> str:
    """Base64 mixes cases and digits; an address, an id and a hash do not."""
    text = match[0]
    mixed = any(c.isupper() for c in text) and any(c.islower() for c in text) and any(c.isdigit() for c in text)
    return REDACTED if mixed and not text.startswith("/") else text


def _unless_unknown(match: re.Match[str]) -> str:
    text = match[0]
    parts = {text, unquote(text), text.partition("=")[2], text.partition(":")[2], text.strip(".:!?")}
    return REDACTED if any(len(part) >= SHORTEST_KEY and fingerprint(part) in _known for part in parts) else text
