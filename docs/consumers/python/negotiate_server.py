"""A negotiate server: gives SignalR clients their address and a token, and takes up a new key without a restart.

    export KEY_VAULT_URL=https://contoso.vault.azure.net SECRET_NAME=chat-connection-string EVENTS_CODE=…
    python negotiate_server.py

| | |
|---|---|
| POST /negotiate | what `@microsoft/signalr` asks first. Put your own sign-in before it |
| POST, OPTIONS /events?code=… | Event Grid's webhook, CloudEvents schema: `KeyRotated`, `KeyPublished` |
| POST /send | the request's text to all clients. Here to show a call of the server's own; do not publish it |
| GET /health | since when it runs, which version of the secret it holds |

An event reaches one instance of several. The others follow by reading the secret again (`READ_AGAIN_SECONDS`), or when
SignalR rejects a call of theirs. Needs *get* on the secret and nothing else.
"""  # noqa: INP001 - a program of its own

import hmac
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
from aiohttp import web
from azure.core.exceptions import AzureError
from management_client import Hub
from newest_key import NewestKey

HUB = os.environ.get("HUB", "chat")
SECRET = os.environ["SECRET_NAME"]
TAKES_UP = {"KeyRotated", "KeyPublished"}
KEYS = web.AppKey("keys", NewestKey)
CLIENTS = web.AppKey("clients", Hub)
STARTED = datetime.now(UTC).isoformat()
routes = web.RouteTableDef()


@routes.post("/negotiate")
async def negotiate(request: web.Request) -> web.Response:
    """Where to connect, and the token for it. 503 while no key was ever read."""
    try:
        key = await request.app[KEYS].current()
    except (AzureError, TimeoutError, ValueError) as error:
        raise web.HTTPServiceUnavailable(text="the connection string cannot be read") from error
    token = key.token(f"{key.endpoint}/client/?hub={HUB.lower()}")  # for a user: nameid="ann"
    return web.json_response({"url": f"{key.client_endpoint}/client/?hub={HUB.lower()}", "accessToken": token})


@routes.options("/events")
async def handshake(request: web.Request) -> web.Response:
    """Event Grid asks whether it may send."""
    _allowed(request)
    return web.Response(headers={"WebHook-Allowed-Origin": request.headers.get("WebHook-Request-Origin", "")})


@routes.post("/events")
async def events(request: web.Request) -> web.Response:
    """Read the newest version of the secret. The one that an event names is not used: it may be old."""
    _allowed(request)
    sent = await request.json()
    for event in sent if isinstance(sent, list) else [sent]:
        if str(event["type"]).rpartition(".")[2] in TAKES_UP and event["subject"].lower() == SECRET.lower():
            keys = request.app[KEYS]
            await keys.newer_than(await keys.current())
    return web.Response(status=204)


@routes.post("/send")
async def send(request: web.Request) -> web.Response:
    """To all clients. A 401 of SignalR is answered with the newest key, or comes out as a 500."""
    await request.app[CLIENTS].send("said", await request.text())
    return web.Response(status=204)


@routes.get("/health")
async def health(request: web.Request) -> web.Response:
    """Never a key."""
    return web.json_response({"started": STARTED, "version": (await request.app[KEYS].current()).version})


def _allowed(request: web.Request) -> None:
    code = os.environ.get("EVENTS_CODE", "")
    if not code or not hmac.compare_digest(request.query.get("code", "").encode(), code.encode()):
        raise web.HTTPUnauthorized


async def _clients(app: web.Application) -> AsyncIterator[None]:
    keys = app[KEYS] = NewestKey(os.environ["KEY_VAULT_URL"], SECRET)
    async with aiohttp.ClientSession() as session:
        app[CLIENTS] = Hub(keys, session, HUB)
        yield
    await keys.close()


def main() -> None:
    """Serve until the process is told to end."""
    app = web.Application()
    app.add_routes(routes)
    app.cleanup_ctx.append(_clients)
    web.run_app(
        app, host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ.get("PORT", "8080")), access_log=None
    )


if __name__ == "__main__":
    main()
