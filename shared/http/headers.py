"""Two request headers that change how, not what: `Prefer: wait=N` (RFC 7240) and `Idempotency-Key`.

`Idempotency-Key` follows the IETF's draft of that name: a structured field string; the bare form that most clients send
is read as well.
"""

import re
from collections.abc import Mapping

from shared.http.problem_details import Problem

LONGEST_WAIT_SECONDS = 200  # the platform's load balancer cuts an answer at 230 s
MOST_KEY_CHARACTERS = 255
_PREFERENCE = re.compile(r'(?P<name>[!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*(?P<value>"[^"]*"|[^\s,;"]+))?')
_SECONDS = re.compile(r"[0-9]{1,9}")
_KEY = re.compile(rf"[!-~](?:[ -~]{{0,{MOST_KEY_CHARACTERS - 2}}}[!-~])?")


def wait_seconds(headers: Mapping[str, str]) -> int:
    """How long the caller would like to wait, at most what the platform allows; 0: not at all.

    What can't be understood is ignored, as RFC 7240 asks; of several `wait`, the first counts.
    """
    for each in headers.get("prefer", "").split(","):
        found = _PREFERENCE.match(each.strip())
        if found and found["name"].lower() == "wait":
            value = (found["value"] or "").strip('"')
            return min(int(value), LONGEST_WAIT_SECONDS) if _SECONDS.fullmatch(value) else 0
    return 0


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """The caller's name for this very request, if it has one. Raises `Problem` for one that can't be a key."""
    if "idempotency-key" not in headers:
        return None
    text = headers["idempotency-key"].strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not _KEY.fullmatch(text):
        raise Problem("InvalidHeader", f"Idempotency-Key is 1 to {MOST_KEY_CHARACTERS} printable ASCII characters")
    return text
