"""Has an App Service take up the new secret version at once, instead of within a day.

App Service and Functions read Key Vault references (without a version) again every 24 hours; one ARM call has them
read now ("Use Key Vault references as app settings", Microsoft Learn). Reads one event on stdin; the apps are given by
ARM id:

    python refresh_app_service.py /subscriptions/…/providers/Microsoft.Web/sites/shop <event.json

Needs `azure-identity`, and for its identity the action Microsoft.Web/sites/config/write on each app.
"""  # noqa: INP001 - a script of its own

import json
import os
import sys
import urllib.request

from azure.identity import DefaultAzureCredential

ARM = "https://management.azure.com"
TAKES_UP = {"KeyRotated", "KeyPublished"}


def handle(event: dict[str, object], apps: list[str]) -> int:
    """Refresh every app; how many were. The same event twice does no harm. Raises `urllib.error.HTTPError`."""
    if str(event["type"]).rpartition(".")[2] not in TAKES_UP:
        return 0
    arm = os.environ.get("AZURE_RESOURCE_MANAGER_URL", ARM)
    with DefaultAzureCredential() as credential:
        token = credential.get_token(f"{ARM}/.default").token
    for app in apps:
        url = f"{arm}{app}/config/configreferences/appsettings/refresh?api-version=2022-03-01"
        request = urllib.request.Request(url, b"", {"Authorization": f"Bearer {token}"}, method="POST")  # noqa: S310 - ARM
        with urllib.request.urlopen(request, timeout=60):  # noqa: S310 - ARM
            pass
    return len(apps)


if __name__ == "__main__":
    print(handle(json.load(sys.stdin), sys.argv[1:]), "refreshed")  # noqa: T201 - a command line tool
