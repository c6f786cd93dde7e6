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
refresh_app_service.py), and Container Apps do that by themselves within 30 minutes. Reads one event on stdin. In a
cluster it needs nothing but Python, and runs in a pod whose service account may patch the deployment; for Azure it
needs `azure-identity`.
"""  # noqa: INP001 - a script of its own

import json
import os
import ssl
import sys
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


def handle(event: dict[str, Any], target: str) -> bool:
    """Restart it for this version of the secret; whether it was told to. Raises `HTTPError`."""
    if str(event["type"]).rpartition(".")[2] not in TAKES_UP:
        return False
    if "/containerapps/" in target.lower():
        revisions = _arm("GET", f"{target}/revisions", "2024-03-01")["value"]
        for name in [one["name"] for one in revisions if one["properties"]["active"]]:
            _arm("POST", f"{target}/revisions/{name}/restart", "2024-03-01")
    elif "/sites/" in target.lower():
        _arm("POST", f"{target}/restart", "2022-03-01")
    else:
        _deployment(target, event["data"])
    return True


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
    print("restarting" if handle(json.load(sys.stdin), sys.argv[1]) else "nothing to do")  # noqa: T201 - a command line tool
