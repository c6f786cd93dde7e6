"""What HTTP callers may send, whatever they ask: the size and type of a body, rotation ids, and the paging of lists."""

import re
from collections.abc import Mapping

from shared.http.problem_details import Problem

MOST_PER_PAGE, PER_PAGE = 1000, 100
_ROTATION_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


def check_body(headers: Mapping[str, str], body: bytes, *, most: int, allowed: tuple[str, ...]) -> None:
    """Raise `Problem` for a body that is too large or of another type. A body without a type is taken for the first.

    The portal's way to run a function by hand passes on the body alone.
    """
    if len(body) > most:
        raise Problem("BodyTooLarge", f"the body has {len(body)} bytes; at most {most} are read")
    if not body:
        return
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if media_type not in {"", *allowed} or encoding not in {"", "identity"}:
        accept = ", ".join(allowed)
        raise Problem(
            "UnsupportedMediaType", f"send {accept}, not compressed, with Content-Type", headers={"Accept": accept}
        )


def parse_rotation_id(text: str) -> str:
    """Read a rotation id. Raises `Problem` for anything that can't be one, whatever it was made up to reach."""
    if not _ROTATION_ID.fullmatch(text):
        raise not_found(text)
    return text.lower()


def not_found(rotation_id: str) -> Problem:
    """The problem of an id that nothing is known of."""
    return Problem("RotationNotFound", f"no rotation has the id {rotation_id[:64]!r}")


def parse_page(query: Mapping[str, str]) -> tuple[int, str]:
    """How many items a page may have, and after which key it begins. Raises `Problem` for any other query."""
    most = query.get("maxPageSize", str(PER_PAGE))
    if not re.fullmatch("[0-9]{1,4}", most) or not 1 <= int(most) <= MOST_PER_PAGE:
        raise Problem("InvalidQuery", f"maxPageSize is a whole number from 1 to {MOST_PER_PAGE}")
    return int(most), query.get("skipToken", "")
