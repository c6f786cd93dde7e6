"""An HTTP request as the worker gets it, and its answer as the client gets it.

How the platform's host converts both is public (GrpcMessageConversionExtensions and GrpcMessageExtensionUtilities in
Azure/azure-functions-host): header names in lower case, several values joined with a comma, empty query values dropped,
a body only when there is a Content-Length. Keys are not taken out: the app sees `x-functions-key` and `code`.
"""

from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

from aiohttp import web
from multidict import CIMultiDict, MultiMapping

# The server writes these itself, from the body it is given.
_FRAMING = {"content-length", "transfer-encoding", "connection"}
_SAME_SITE = {1: "Lax", 2: "Strict", 3: "None"}


async def to_rpc(request: web.Request, params: dict[str, str], protos: SimpleNamespace) -> Any:  # noqa: ANN401 - TypedData
    """The request as TypedData; `params` are those of the route."""
    body = await request.read() if request.content_length else b""
    query = {name: value for name, value in _joined(request.query).items() if value}
    headers = {name.lower(): value for name, value in _joined(request.headers).items()}
    return rpc_request(protos, request.method, str(request.url), headers=headers, query=query, params=params, body=body)


def rpc_request(
    protos: SimpleNamespace,
    method: str,
    url: str,
    *,
    headers: dict[str, str],
    query: dict[str, str],
    params: dict[str, str],
    body: bytes,
) -> Any:  # noqa: ANN401 - TypedData
    """Put a request's parts into TypedData."""
    http = protos.RpcHttp(method=method, url=url, headers=headers, query=query, params=params)
    if body:
        http.body.bytes = body
    return protos.TypedData(http=http)


def to_response(value: Any) -> web.Response:  # noqa: ANN401 - TypedData or None
    """The function's return value as an answer: an HTTP message as it is, text and JSON as 200, nothing as 204."""
    kind = value.WhichOneof("data") if value is not None else None
    if kind == "http":
        return _http_response(value.http)
    if kind in {"string", "json"}:
        content_type = "text/plain" if kind == "string" else "application/json"
        return web.Response(text=getattr(value, kind), content_type=content_type, charset="utf-8")
    if kind == "bytes":
        return web.Response(body=value.bytes, content_type="application/octet-stream")
    return web.Response(status=204)


def _http_response(http: Any) -> web.Response:  # noqa: ANN401 - RpcHttp
    headers = CIMultiDict((name, value) for name, value in http.headers.items() if name.lower() not in _FRAMING)
    for cookie in http.cookies:
        headers.add("Set-Cookie", _set_cookie(cookie))
    kind = http.body.WhichOneof("data")
    body = getattr(http.body, kind) if kind else b""
    return web.Response(
        status=int(http.status_code or 200), headers=headers, body=body.encode() if isinstance(body, str) else body
    )


def _set_cookie(cookie: Any) -> str:  # noqa: ANN401 - RpcHttpCookie
    parts = [f"{cookie.name}={cookie.value}"]
    if cookie.domain.value:
        parts.append(f"Domain={cookie.domain.value}")
    if cookie.path.value:
        parts.append(f"Path={cookie.path.value}")
    if cookie.HasField("expires"):
        parts.append(f"Expires={format_datetime(cookie.expires.value.ToDatetime(), usegmt=False)[:-6]} GMT")
    if cookie.HasField("max_age"):
        parts.append(f"Max-Age={int(cookie.max_age.value)}")
    if cookie.secure.value:
        parts.append("Secure")
    if cookie.http_only.value:
        parts.append("HttpOnly")
    if cookie.same_site in _SAME_SITE:
        parts.append(f"SameSite={_SAME_SITE[cookie.same_site]}")
    return "; ".join(parts)


def _joined(pairs: MultiMapping[str]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs.items():
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined
