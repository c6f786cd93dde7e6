"""Restarts what reads the secret only when it starts: a Kubernetes deployment, a Container App, an App Service.

    python rolling_restart.py shop/web <event.json                                          # namespace/deployment
    python rolling_restart.py /subscriptions/…/providers/Microsoft.App/containerApps/web <event.json
    python rolling_restart.py /subscriptions/…/providers/Microsoft.Web/sites/web/slots/blue <event.json

| | how | the same event twice |
|---|---|---|
| deployment | `kubectl rollout restart`, with the secret's version as the mark: pod by pod | restarts once |
| Container App | its active revisions, one after the other | restarts twice |
| App Service, or one slot | all instances, not rolling: restart a slot and swap, where that matters | restarts twice |

For what reads the secret itself. A restart does not make App Service fetch a Key Vault *reference* again (that is
refresh_app_service.py), and Container Apps do that by themselves within 30 minutes. Reads one event on stdin, and
restarts whatever secret it is about: filter the subscription by the secret (README.md). A revision that fails stops
none of the others: it is reported, and the exit code is 1. In a cluster it needs nothing but Python, and runs in a pod
whose service account may patch the deployment; for Azure it needs `azure-identity`.
"""  # noqa: INP001 - a script of its own

import json
import os
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ARM = {
    "AzureCloud": "https://management.azure.com",
    "AzureUSGovernment": "https://management.usgovcloudapi.net",
    "AzureChinaCloud": "https://management.chinacloudapi.cn",
}[os.environ.get("AZURE_CLOUD", "AzureCloud")]
ACCOUNT = Path(os.environ.get("SERVICE_ACCOUNT_FOLDER", "/var/run/secrets/kubernetes.io/serviceaccount"))
TAKES_UP = {"KeyRotated", "KeyPublished"}


def handle(event: dict[str, Any], target: str) -> list[str]:
    """Restart it for this version of the secret: what was done, by revision. Raises `HTTPError` where that is all."""
    if str(event["type"]).rpartition(".")[2] not in TAKES_UP:
        return []
    if "/containerapps/" in target.lower():
        revisions = _arm("GET", f"{target}/revisions", "2024-03-01")["value"]
        active = [one["name"] for one in revisions if one["properties"]["active"]]
        return [f"{name}: {_tried(f'{target}/revisions/{name}/restart')}" for name in active]
    if "/sites/" in target.lower():
        _arm("POST", f"{target}/restart", "2022-03-01")
    else:
        _deployment(target, event["data"])
    return ["restarting"]


def _tried(path: str) -> str:
    try:
        _arm("POST", path, "2024-03-01")
    except urllib.error.HTTPError as error:
        return f"failed: HTTP {error.code}"
    except OSError as error:  # no connection, no answer in time
        return f"failed: {error}"
    return "restarting"


def _deployment(target: str, secret: dict[str, Any]) -> None:
    # 63 characters at most after the slash, the last one no hyphen (Kubernetes, "Labels and annotations").
    mark = {f"signalr-key-rotation/{secret['secretName'][:63].rstrip('-')}": secret["version"]}
    patch = {"spec": {"template": {"metadata": {"annotations": mark}}}}
    namespace, _, name = target.partition("/")
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    _call(
        "PATCH",
        f"https://{host}:{port}/apis/apps/v1/namespaces/{namespace}/deployments/{name}",
        {
            "Authorization": f"Bearer {(ACCOUNT / 'token').read_text().strip()}",
            "Content-Type": "application/strategic-merge-patch+json",
        },
        json.dumps(patch).encode(),
        ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt")),
    )


def _arm(method: str, path: str, version: str) -> dict[str, Any]:
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - not needed in a cluster

    with DefaultAzureCredential() as credential:
        token = credential.get_token(f"{ARM}/.default").token
    url = f"{os.environ.get('AZURE_RESOURCE_MANAGER_URL', ARM)}{path}?api-version={version}"
    said = _call(method, url, {"Authorization": f"Bearer {token}"})
    return dict(json.loads(said)) if method == "GET" else {}


def _call(
    method: str, url: str, headers: dict[str, str], body: bytes | None = None, trust: ssl.SSLContext | None = None
) -> bytes:
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 - the cluster, or ARM
    with urllib.request.urlopen(request, timeout=60, context=trust) as answer:  # noqa: S310 - the same
        return bytes(answer.read())


if __name__ == "__main__":
    done = handle(json.load(sys.stdin), sys.argv[1])
    print(*done or ["nothing to do"], sep="\n")  # noqa: T201 - a command line tool
    sys.exit(any(": failed: " in line for line in done))
