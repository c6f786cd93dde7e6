"""Views as HTML: every value escaped, nothing loaded from another origin, nothing cached.

The one style sheet and the one script are part of the page and are allowed by its nonce alone; no referrer is sent.
"""

import secrets
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shared.dashboard.pages import View
from shared.dashboard.time_format import relative, stamp
from shared.http.messages import HttpResponse

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_TEMPLATES = Path(__file__).parent / "templates"


def render(
    view: View, *, status: int = 200, headers: Mapping[str, str] = NO_HEADERS, bare: bool = False
) -> HttpResponse:
    """Render a view, with `headers` besides its own. `bare`: without the style sheet and the script."""
    nonce = secrets.token_urlsafe(18)
    html = _environment().get_template(view.template).render(nonce=nonce, bare=bare, now=view.now, **view.variables)
    return HttpResponse(status, html.encode(), {**_headers(nonce), **headers}, "text/html")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"stamp": stamp, "relative": relative}
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
