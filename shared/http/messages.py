"""One HTTP request and its response, free of the platform's types. The API and the dashboard both use them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What a caller sent. Header names are in lower case; `route_params` are the variable parts of the path."""

    method: str
    url: str
    headers: Mapping[str, str]
    route_params: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def query(self) -> Mapping[str, str]:
        """The query's values. Empty ones are kept, which the platform's own parsing drops: they are wrong as well."""
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @property
    def origin(self) -> str:
        """Scheme and host, as the caller addressed the app."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def base_url(self) -> str:
        """Where the API begins. The query is left out: it may hold a function key."""
        return f"{self.origin}/api/"

    @property
    def media_type(self) -> str:
        """The body's media type, without parameters; empty where the caller named none."""
        return self.headers.get("content-type", "").partition(";")[0].strip()


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What goes back to the caller."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON
