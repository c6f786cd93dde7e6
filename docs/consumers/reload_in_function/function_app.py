"""A function app that holds the connection string in memory, and reads it again when it is told of a new one.

Subscribe `/api/rotated` (with its key as `?code=`) to the topic, schema CloudEvents 1.0. Only one instance of a
scaled-out app gets each event, so every instance also reads again after a while, and whoever is refused calls
`connection(newest=True)`. While the vault does not answer, the value in memory stays in use.
"""  # noqa: INP001 - an app of its own

import asyncio
import hashlib
import logging
import os
import time

import azure.functions as func
from azure.core.exceptions import AzureError
from azure.identity.aio import DefaultAzureCredential
from azure.keyvault.secrets.aio import SecretClient

READ_AGAIN_SECONDS, TRY_AGAIN_SECONDS = 3600.0, 30.0
LOOPBACK = os.environ["KEY_VAULT_URL"].startswith("https://127.0.0.1")

log = logging.getLogger(__name__)
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
held = {"value": "", "until": float("-inf")}
one_at_a_time = asyncio.Lock()  # an answer that comes late must not take the place of a newer one


async def connection(*, newest: bool = False) -> str:
    """The connection string: from memory, or from Key Vault when it is time. With `newest` it raises `AzureError`."""
    async with one_at_a_time:
        if newest or time.monotonic() > float(held["until"]):
            try:
                held.update(value=await _read(), until=time.monotonic() + READ_AGAIN_SECONDS)
            except AzureError as error:
                if newest or not held["value"]:
                    raise
                log.warning("the secret could not be read, the one in memory is used: %s", type(error).__name__)
                held["until"] = time.monotonic() + TRY_AGAIN_SECONDS
        return str(held["value"])


async def _read() -> str:
    async with (
        DefaultAzureCredential() as credential,
        SecretClient(os.environ["KEY_VAULT_URL"], credential, verify_challenge_resource=not LOOPBACK) as vault,
    ):
        return (await vault.get_secret(os.environ["SECRET_NAME"])).value or ""


@app.route("rotated", methods=["POST", "OPTIONS"])
async def rotated(req: func.HttpRequest) -> func.HttpResponse:
    """Event Grid's webhook. OPTIONS is the handshake: the origin that asks may send."""
    if req.method == "OPTIONS":
        origin = req.headers.get("WebHook-Request-Origin", "")
        return func.HttpResponse(headers={"WebHook-Allowed-Origin": origin})
    if req.get_json()["subject"] == os.environ["SECRET_NAME"]:
        await connection(newest=True)
    return func.HttpResponse(status_code=204)


@app.route("fingerprint", methods=["GET"])
async def fingerprint(req: func.HttpRequest) -> func.HttpResponse:
    """Which key is held, named as the events name it."""
    del req  # the platform passes it by name
    parts = dict(part.split("=", 1) for part in (await connection()).strip(";").split(";"))
    return func.HttpResponse(hashlib.sha256(parts["AccessKey"].encode()).hexdigest()[:12])
