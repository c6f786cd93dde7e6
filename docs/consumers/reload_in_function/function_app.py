"""A function app that holds the connection string in memory, and reads it again when it is told of a new one.

Subscribe `/api/rotated` (with its key as `?code=`) to the topic, schema CloudEvents 1.0. Only one instance of a
scaled-out app gets each event, so every instance also reads again after a while, and whoever is refused calls
`connection(newest=True)`.
"""  # noqa: INP001 - an app of its own

import hashlib
import os
import time

import azure.functions as func
from azure.identity.aio import DefaultAzureCredential
from azure.keyvault.secrets.aio import SecretClient

READ_AGAIN_SECONDS = 3600.0
LOOPBACK = os.environ["KEY_VAULT_URL"].startswith("https://127.0.0.1")

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
held = {"value": "", "until": 0.0}


async def connection(*, newest: bool = False) -> str:
    """The connection string: from memory, or from Key Vault when it is time."""
    if newest or time.monotonic() > float(held["until"]):
        async with (
            DefaultAzureCredential() as credential,
            SecretClient(os.environ["KEY_VAULT_URL"], credential, verify_challenge_resource=not LOOPBACK) as vault,
        ):
            secret = await vault.get_secret(os.environ["SECRET_NAME"])
        held.update(value=secret.value or "", until=time.monotonic() + READ_AGAIN_SECONDS)
    return str(held["value"])


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
