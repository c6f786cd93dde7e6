"""Has a Kubernetes deployment start again, pod by pod, so that it reads the new secret.

What `kubectl rollout restart` does, with the secret's version as the mark: the same event twice restarts once. Reads
one event on stdin, and runs in a pod (a Job, or behind a queue) whose service account may patch the deployment:

    python restart_deployment.py shop/web <event.json          # namespace/deployment

Needs nothing but Python.
"""  # noqa: INP001 - a script of its own

import json
import os
import ssl
import sys
import urllib.request
from pathlib import Path

ACCOUNT = Path(os.environ.get("SERVICE_ACCOUNT_FOLDER", "/var/run/secrets/kubernetes.io/serviceaccount"))
TAKES_UP = {"KeyRotated", "KeyPublished"}


def handle(event: dict[str, object], deployment: str) -> bool:
    """Restart it for this version of the secret; whether it was asked to. Raises `urllib.error.HTTPError`."""
    data = event["data"]
    if str(event["type"]).rpartition(".")[2] not in TAKES_UP or not isinstance(data, dict):
        return False
    mark = {f"signalr-key-rotation/{data['secretName']}"[:63]: data["version"]}
    patch = {"spec": {"template": {"metadata": {"annotations": mark}}}}
    namespace, _, name = deployment.partition("/")
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    request = urllib.request.Request(
        f"https://{host}:{port}/apis/apps/v1/namespaces/{namespace}/deployments/{name}",
        json.dumps(patch).encode(),
        {
            "Authorization": f"Bearer {(ACCOUNT / 'token').read_text().strip()}",
            "Content-Type": "application/strategic-merge-patch+json",
        },
        method="PATCH",
    )
    trust = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    with urllib.request.urlopen(request, timeout=60, context=trust):  # noqa: S310 - the cluster's own address
        return True


if __name__ == "__main__":
    print("restarting" if handle(json.load(sys.stdin), sys.argv[1]) else "nothing to do")  # noqa: T201 - a command line tool
