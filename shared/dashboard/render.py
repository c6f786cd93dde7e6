"""Pages as they go over the wire: rendered with every value escaped, nothing from elsewhere, nothing kept by anyone.

The one style sheet and the one script are part of the page and run by its nonce alone; no other origin is ever asked
for anything, and no address says where the reader came from.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shared.dashboard.time_format import relative, stamp

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Page:
    """A finished page."""

    status: int
    html: str
    headers: Mapping[str, str]


def render(template: str, facts: Mapping[str, object], *, now: datetime, status: int = 200, bare: bool = False) -> Page:
    """Render a template of `templates` with these facts. `bare`: without the style sheet and the script."""
    nonce = secrets.token_urlsafe(18)
    html = _environment().get_template(template).render(nonce=nonce, bare=bare, now=now, **facts)
    return Page(status, html, _headers(nonce))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["stamp"] = stamp
    environment.filters["relative"] = relative
    return environment


def _headers(nonce: str) -> dict[str, str]:
    policy = (
        "default-src 'none'",
        f"style-src 'nonce-{nonce}'",
        f"script-src 'nonce-{nonce}'",
        "img-src data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "Referrer-Policy": "no-referrer",  # the address may hold the function key
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
