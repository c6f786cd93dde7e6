# ruff: noqa: INP001 - a script; scripts/ is no package
"""After azd has deployed the code: subscribes the app to Azure's events (infra/events.bicep), then checks it.

Event Grid subscribes a function only once it is there, so this cannot be part of what azd provisions. No key is needed.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lifecycle import ROOT, WEB, CommandFailed, Stop, az, needed, rest, run, say, settings, system_topics, warn

RECEIVER = "incoming_event"  # the function with the Event Grid trigger; infra/events.bicep names it too
OUTPUTS = ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "FUNCTION_APP_NAME", "KEY_VAULT_ID", "FUNCTION_APP_URL")


class App:
    """The deployed app, as ARM shows it."""

    def __init__(self, given: dict[str, str]) -> None:
        """Raise `Stop` where an output of the template is missing."""
        self.subscription, self.group, self.name, self.vault, self.url = needed(given, *OUTPUTS)
        group = f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
        self.site = f"{group}/providers/Microsoft.Web/sites/{self.name}"
        self.function = f"{self.site}/functions/{RECEIVER}"
        self.pause, self.attempts = float(given.get("RETRY_SECONDS", "15")), int(given.get("RETRY_ATTEMPTS", "60"))

    def wait(self) -> None:
        """Until the platform lists the function: when the code has arrived and the roles work."""
        for _ in range(self.attempts):
            try:
                rest("get", self.function, WEB)
            except CommandFailed:
                time.sleep(self.pause)
            else:
                return
        raise Stop(
            f"{self.function} does not show up. Is the code deployed, and does it start? See docs/how-to/install.md."
        )

    def caller_key(self) -> str:
        """A key of all functions, for the look at the end."""
        keys = rest("post", f"{self.site}/host/default/listkeys", WEB) or {}
        return str((keys.get("functionKeys") or {}).get("default") or "")


def existing_topics(app: App, given: dict[str, str]) -> dict[str, str]:
    """System topics that exist already: Azure allows one for each source."""
    topics = system_topics(app.subscription, app.vault.split("/")[2])
    by_source = {topic["properties"]["source"].lower(): topic for topic in topics}
    whole = by_source.get(f"/subscriptions/{app.subscription}".lower())
    vault = by_source.get(app.vault.lower())
    found = {
        "keyVaultTopicName": vault["name"] if vault else "",
        "subscriptionTopicName": whole["name"] if whole else "",
        "subscriptionTopicResourceGroup": whole["id"].split("/")[4] if whole else app.group,
    }
    named = {
        "keyVaultTopicName": given.get("KEY_VAULT_SYSTEM_TOPIC"),
        "subscriptionTopicName": given.get("SUBSCRIPTION_SYSTEM_TOPIC"),
        "subscriptionTopicResourceGroup": given.get("SUBSCRIPTION_SYSTEM_TOPIC_GROUP"),
    }
    return found | {name: value for name, value in named.items() if value}


def subscribe(app: App, given: dict[str, str]) -> None:
    """Deploy infra/events.bicep."""
    values = {"functionAppName": app.name, "keyVaultId": app.vault, **existing_topics(app, given)}
    az(
        *("deployment", "group", "create", "--subscription", app.subscription, "--resource-group", app.group),
        *("--name", "events", "--template-file", str(ROOT / "infra" / "events.bicep"), "--parameters"),
        *(f"{name}={value}" for name, value in values.items()),
    )


def look(app: App) -> int:
    """Deep health and a dry run: what a sweep would do. 1 where the app itself is at fault."""
    key = app.caller_key()
    status, health = _call(app.url, "GET", "/api/health/deep", key)
    code, body = _call(app.url, "POST", "/api/rotate", key, {"dryRun": True})
    if code is None:
        warn(f"Not looked at: {app.url} cannot be reached from here ({body}).")
        return 0
    if code != 200:  # noqa: PLR2004 - HTTP's own number
        warn(f"The app does not work: {code} {body.get('code', '')} {body.get('detail', '')}".rstrip())
        return 1
    previews = body["previews"]
    # No sweep has run yet: the timer fires hourly.
    found = health.get("findings", [] if status == 200 else [{"code": f"HTTP {status}"}])  # noqa: PLR2004
    codes = ", ".join(sorted({finding["code"] for finding in found} - {"NoSweep"}))
    say(f"{len(previews)} SignalR resources are managed; deep health finds {codes or 'nothing'}.")
    for preview in previews:
        for finding in preview.get("findings", []):
            warn(f"{preview['resource']}: {finding['code']}: {finding['message']}")
    if codes:
        warn(
            "Roles take up to ten minutes to take effect: a NotPermitted right after a deployment goes away by itself."
        )
    return 0


def main() -> int:
    """Wait, subscribe, look, and say where the app is."""
    given = settings()
    app = App(given)
    app.wait()
    try:
        subscribe(app, given)
    except CommandFailed as error:
        warn(f"No events reach the app: {error}")
        warn("It works without them, an hour slower. `azd hooks run postdeploy` tries again.")
    else:
        say(f"{app.name} hears of expiring secrets and of keys regenerated by others.")
    code = look(app)
    say(f"App: {app.url}\nDashboard: {app.url}/api/dashboard (asks for a function key)")
    return code


def _call(
    url: str, method: str, path: str, key: str, body: dict[str, Any] | None = None
) -> tuple[int | None, dict[str, Any]]:
    request = urllib.request.Request(  # noqa: S310 - the address of the app that was just deployed
        f"{url}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"x-functions-key": key, "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=240) as answer:  # noqa: S310
            return answer.status, _json(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, _json(error.read())
    except OSError as error:
        return None, {"detail": str(error)}


def _json(text: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except ValueError:
        return {}


if __name__ == "__main__":
    run(main)
