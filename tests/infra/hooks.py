"""What the hooks of `azd up` are run with: azd's environment, Azure right after the code was deployed, and the app."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import takewhile
from pathlib import Path
from typing import Any

from tests.infra.installations import CHAT, OWN, group, signalr
from tests.infra.recorder import Done, Recorder

CALLER_KEY = "the-key-of-callers"
ENVIRONMENT = {
    "AZURE_ENV_NAME": "rotation",
    "AZURE_LOCATION": "westeurope",
    "AZURE_SUBSCRIPTION_ID": OWN,
    "SIGNALR_RESOURCE_IDS": CHAT["signalRResourceIds"],
}
INSTALLED = {
    "AZURE_ENV_NAME": "rotation",
    "AZURE_SUBSCRIPTION_ID": OWN,
    "AZURE_RESOURCE_GROUP": "rg-rotation",
    "FUNCTION_APP_NAME": "func-rotation",
    "KEY_VAULT_ID": f"{group('rg-rotation')}/providers/Microsoft.KeyVault/vaults/kv",
}


class App:
    """The deployed app, as far as the hook looks at it."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {
            "/api/health/deep": (200, {}),
            "/api/rotate": (200, {"previews": [{"resource": signalr("chat"), "findings": []}]}),
        }
        self.location = ""  # where answers of 302 send a caller
        self.starting = 0  # how many calls the platform answers before the app does
        self.asked: list[tuple[str, str, str]] = []
        app = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                app.asked.append((f"{self.command} {self.path}", body, self.headers["x-functions-key"]))
                status, answer = app.answers[self.path] if app.starting == 0 else (503, None)
                app.starting -= app.starting > 0
                self.send_response(status)
                self.send_header("Location", app.location)
                self.end_headers()
                self.wfile.write(b"<html>" if answer is None else json.dumps(answer).encode())

            do_GET = do_POST = _answer  # noqa: N815 - the library's names

            def log_message(self, *words: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def azure_with_the_code(home: Path) -> Recorder:
    """Azure as it is right after the code was deployed: no system topic."""
    recorder = Recorder(home)
    recorder.answer("systemTopics", {"value": []})
    recorder.answer("host/default/listkeys", {"functionKeys": {"default": CALLER_KEY}, "masterKey": "m"})
    recorder.answer("list-flexconsumption-locations", [{"name": "westeurope"}, {"name": "North Europe"}])
    recorder.answer("list-deleted", [])
    recorder.answer("provider show", {"registrationState": "Registered"})
    recorder.answer("resource show", {"properties": {"enableRbacAuthorization": True}})
    return recorder


def preprovision(azure: Recorder, **variables: str) -> Done:
    return azure.run("hooks/preprovision.py", **ENVIRONMENT | variables)


def postdeploy(azure: Recorder, app: App, **variables: str) -> Done:
    return azure.run("hooks/postdeploy.py", **INSTALLED | {"FUNCTION_APP_URL": app.url} | variables)


def deployed(done: Done) -> dict[str, str]:
    """The parameters that infra/events.bicep was deployed with."""
    [call] = [call for call in done.calls if "deployment group create" in call["line"]]
    given = call["words"][call["words"].index("--parameters") + 1 :]
    return dict(pair.split("=", 1) for pair in takewhile(lambda word: not word.startswith("--"), given))
