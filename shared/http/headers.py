"""What a request says beside its body: `Prefer`, `Idempotency-Key`, the type and size of the body, and paging.

`Prefer: wait=N` is RFC 7240's. `Idempotency-Key` follows the IETF draft of that name: a structured field string; the
bare form that most clients send is read as well.
"""

import re
from collections.abc import Mapping

from shared.http import page_token
from shared.http.messages import JSON, HttpRequest
from shared.http.problem_details import Problem
from shared.rotation.inventory import PageStart

LONGEST_WAIT_SECONDS = 200  # the platform's load balancer closes the connection after 230 s
MOST_KEY_CHARACTERS = 255
MOST_PER_PAGE, PER_PAGE = 1000, 100
_PREFERENCE = re.compile(r'(?P<name>[!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*(?P<value>"[^"]*"|[^\s,;"]+))?')
_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")
_SECONDS = re.compile(r"[0-9]{1,9}")
_KEY = re.compile(rf"[!-~](?:[ -~]{{0,{MOST_KEY_CHARACTERS - 2}}}[!-~])?")


def wait_seconds(headers: Mapping[str, str]) -> int:
    """How long the caller wants to wait, at most what the platform allows; 0: not at all.

    What cannot be parsed is ignored, as RFC 7240 asks; of several `wait`, the first counts.
    """
    for each in headers.get("prefer", "").split(","):
        found = _PREFERENCE.match(each.strip())
        if found and found["name"].lower() == "wait":
            value = (found["value"] or "").strip('"')
            return min(int(value), LONGEST_WAIT_SECONDS) if _SECONDS.fullmatch(value) else 0
    return 0


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """The caller's idempotency key, if there is one. Raises `Problem` for a value that cannot be a key."""
    if "idempotency-key" not in headers:
        return None
    text = headers["idempotency-key"].strip()
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    key = text[1:-1] if quoted else text
    if not _KEY.fullmatch(key) or (key.startswith('"') and not quoted):
        raise Problem("InvalidHeader", f"Idempotency-Key is 1 to {MOST_KEY_CHARACTERS} printable ASCII characters")
    return key


def check_body(request: HttpRequest, *, most: int, allowed: tuple[str, ...]) -> None:
    """Raise `Problem` for a body that is too large, of another type, or lost.

    One without a type is taken for the first: the portal's Test/Run sends such. The platform passes a body on only with
    a Content-Length (`GrpcMessageConversionExtensions.ToRpcHttp` in Azure/azure-functions-host): one that came in
    chunks is empty here, and an empty one requests everything that is due.
    """
    if len(request.body) > most:
        raise Problem("BodyTooLarge", f"the body has {len(request.body)} bytes; at most {most} are read")
    if not request.body:
        if "transfer-encoding" in request.headers:
            raise Problem("LengthRequired", "the platform drops a body that is sent in chunks: send its Content-Length")
        return
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if request.media_type.lower() not in {"", *allowed} or encoding not in {"", "identity"}:
        accept = ", ".join(allowed)
        raise Problem(
            "UnsupportedMediaType", f"send {accept}, not compressed, with Content-Type", headers={"Accept": accept}
        )


def accepts(headers: Mapping[str, str], media_type: str) -> float:
    """How much the caller wants this media type (RFC 9110, `Accept`): from 0, not at all, to 1.

    Without the header, and where it cannot be parsed, JSON is wanted.
    """
    wanted: dict[str, float] = {}
    for each in headers.get("accept", "").split(","):
        name, *parameters = (part.strip().lower() for part in each.split(";"))
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        if name and _WEIGHT.fullmatch(weight):
            wanted[name] = float(weight)
    ranges = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
    return next((wanted[name] for name in ranges if name in wanted), 1.0 if not wanted and media_type == JSON else 0.0)


def paging(query: Mapping[str, str]) -> tuple[int, PageStart]:
    """How many items a page may have, and where it begins. Raises `Problem` for any other query."""
    most = query.get("maxPageSize", str(PER_PAGE))
    if not re.fullmatch("[0-9]{1,4}", most) or not 1 <= int(most) <= MOST_PER_PAGE:
        raise Problem("InvalidQuery", f"maxPageSize is a whole number from 1 to {MOST_PER_PAGE}")
    return int(most), page_token.decode(query.get("skipToken", ""))
