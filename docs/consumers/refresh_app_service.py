"""Has App Service and Functions take up the new secret version at once, instead of within 24 hours. RESTARTS THE APP.

    python refresh_app_service.py /subscriptions/…/sites/shop /subscriptions/…/sites/shop/slots/staging <event.json

Reads one event on stdin. Looks at the Key Vault references of each app or slot, in its app settings and its connection
strings. Where one reads this secret and has not moved, one ARM call has App Service fetch all references again ("Use
Key Vault references as app settings", Microsoft Learn). A slot is an app of its own with an id of its own: name each
that serves clients. The call restarts the app (not documented; Azure/app-service-linux-docs#233): clients that are
connected to its hubs are disconnected, none is rejected. So it does once more for an event that comes late, after that
of a newer version.

An app that fails stops none of the others: it is reported, and the exit code is 1.

Needs `azure-identity`, and for its identity *Website Contributor* on each app. AZURE_CLOUD names a sovereign cloud.
"""  # noqa: INP001 - a script of its own

import json
import os
import re
import sys
import urllib.error
import urllib.request
from typing import Any

from azure.identity import DefaultAzureCredential

ARM = {
    "AzureCloud": "https://management.azure.com",
    "AzureUSGovernment": "https://management.usgovcloudapi.net",
    "AzureChinaCloud": "https://management.chinacloudapi.cn",
}[os.environ.get("AZURE_CLOUD", "AzureCloud")]
URL = os.environ.get("AZURE_RESOURCE_MANAGER_URL", ARM)
SECTIONS = ("appsettings", "connectionstrings")
PINNED = re.compile(r"/secrets/[^/)]+/\w+|SecretVersion=\w+", re.IGNORECASE)
TAKES_UP = {"KeyRotated", "KeyPublished"}


def handle(event: dict[str, Any], apps: list[str]) -> list[str]:
    """What was done with each app. The same event twice restarts once where ARM tells the active version."""
    if str(event["type"]).rpartition(".")[2] not in TAKES_UP:
        return []
    with DefaultAzureCredential() as credential:
        token = credential.get_token(f"{ARM}/.default").token
    return [f"{app.partition('/sites/')[2]}: {_tried(token, app, event['data'])}" for app in apps]


def _tried(token: str, app: str, secret: dict[str, Any]) -> str:
    try:
        return _refreshed(token, app, secret)
    except urllib.error.HTTPError as error:
        return f"failed: HTTP {error.code}"
    except OSError as error:  # no connection, no answer in time
        return f"failed: {error}"


def _refreshed(token: str, app: str, secret: dict[str, Any]) -> str:
    mine = [reference for section in SECTIONS for reference in _references(token, app, section, secret)]
    if not mine:
        return "no setting refers to this secret"
    # A version in the reference itself: it never moves, whatever is called.
    pinned = [name for name, at in mine if PINNED.search(str(at.get("reference", "")))]
    behind = [name for name, at in mine if name not in pinned and at.get("activeVersion") != secret["version"]]
    if behind:
        _call(token, "POST", f"{app}/config/configreferences/appsettings/refresh")
    said = f"restarts, fetches {', '.join(behind)}" if behind else "has moved"
    return said + (f"; pinned to a version, change the setting: {', '.join(pinned)}" if pinned else "")


def _references(token: str, app: str, section: str, secret: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    listed = _call(token, "GET", f"{app}/config/configreferences/{section}").get("value", [])
    found = [(str(one["name"]), dict(one["properties"])) for one in listed]
    vault = str(secret["vaultUrl"]).partition("//")[2].partition(".")[0].lower()
    return [
        (name, at)
        for name, at in found
        if str(at.get("secretName", "")).lower() == secret["secretName"].lower()
        and str(at.get("vaultName", "")).lower() in {vault, ""}
    ]


def _call(token: str, method: str, path: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{URL}{path}?api-version=2022-03-01", method=method, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - ARM
        return dict(json.loads(answer.read() or b"{}"))


if __name__ == "__main__":
    done = handle(json.load(sys.stdin), sys.argv[1:])
    print(*done or ["nothing to do"], sep="\n")  # noqa: T201 - a command line tool
    sys.exit(any(": failed: " in line for line in done))
