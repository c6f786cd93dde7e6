"""`make live SUBSCRIPTION=… LOCATION=… CONFIRM=yes`: parity.md and the main job against a real subscription.

It makes one resource group, regenerates keys in it, writes live-report.json, and removes the group in any case. Roles
are assigned: the account that is signed in (`az login`) must be an owner of the subscription. SKU=Premium_P1 takes a
Premium resource, and REPLICA_LOCATION a replica of it.
"""

import argparse
import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import requests
from azure.core.exceptions import AzureError
from azure.identity import DefaultAzureCredential

from tests.live import claims, job
from tests.live.place import LiveError, Place
from tests.live.wire import Wire

_ARM = "https://management.azure.com"
_COSTS = {
    "Free_F1": "nothing for SignalR (Free_F1)",
    "Standard_S1": "about 1.61 USD for SignalR (Standard_S1, one day of one unit)",
    "Premium_P1": "about 2.00 USD for SignalR (Premium_P1, one day of one unit), the same again for a replica",
}


def main() -> int:
    """Exit code 0 when nothing was otherwise than claimed and the group is gone, 1 if not, 2 when it was not begun."""
    argparse.ArgumentParser(
        prog="python -m tests.live", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    missing = [name for name in ("SUBSCRIPTION", "LOCATION") if not os.environ.get(name)]
    sku = os.environ.get("SKU", "Free_F1")
    if missing or sku not in _COSTS:
        _tell(f"set {', '.join(missing)}" if missing else f"SKU is one of {', '.join(_COSTS)}")
        return 2
    _tell(f"this makes one resource group in {os.environ['LOCATION']} and removes it again; it costs {_COSTS[sku]},")
    _tell("and less than 0.01 USD for a vault, a topic and a storage account. It takes about half an hour.")
    if os.environ.get("CONFIRM") != "yes":
        _tell("nothing was done: say CONFIRM=yes")
        return 2
    signal.signal(signal.SIGTERM, _interrupted)
    return _run(sku)


def _run(sku: str) -> int:
    credential = DefaultAzureCredential()
    arm = os.environ.get("AZURE_RESOURCE_MANAGER_URL", _ARM)
    wire = Wire(arm, lambda: credential.get_token(f"{_ARM}/.default").token)
    pause = float(os.environ.get("POLL_SECONDS", "2"))
    place = Place.named(wire, os.environ["SUBSCRIPTION"], os.environ["LOCATION"], pause)
    report: dict[str, Any] = {"began": datetime.now(UTC).isoformat(), "location": place.location, "sku": sku}
    removed = False
    try:
        token = jwt.decode(wire.token(), options={"verify_signature": False})
        _tell(f"making the group {place.name}")
        place.make(sku=sku, principal=str(token["oid"]))
        if where := os.environ.get("REPLICA_LOCATION"):
            wire.ask("make a replica", "PUT", f"{place.resource}/replicas/second", body={"location": where})
        report["job"] = job.done(place)
        _tell(f"the main job: {report['job']}")
        report["claims"] = []
        for one in claims.checked(place, _tell):
            report["claims"].append(one)  # one by one: a run that is interrupted keeps what it has seen
    except (LiveError, requests.RequestException, AzureError, KeyError, RuntimeError, TimeoutError) as broken:
        report["broke off"] = wire.redacted(f"{type(broken).__name__}: {broken}")
        _tell(report["broke off"])
    except KeyboardInterrupt:
        report["broke off"] = "interrupted"
    finally:
        removed = _removed(place)
        report |= {"group removed": removed, "ended": datetime.now(UTC).isoformat()}
        report["recording"] = {
            "source": {"client": "make live", "recorded": report["began"][:10], "headerCasing": "kept"},
            "exchanges": wire.recording(),
        }
        Path(os.environ.get("REPORT", "live-report.json")).write_text(json.dumps(report, indent=1) + "\n")
    told = [one["verdict"] for one in report.get("claims", [])]
    _tell(", ".join(f"{told.count(verdict)} {verdict}" for verdict in ("as claimed", "otherwise", "not seen")))
    good = removed and "broke off" not in report and "otherwise" not in told
    return 0 if good and all(report["job"][name] == "Succeeded" for name in ("rotated", "rotated again")) else 1


def _removed(place: Place) -> bool:
    _tell(f"removing the group {place.name}")
    for _ in range(3):
        try:
            if place.remove():
                return True
        except requests.RequestException as lost:
            _tell(f"no answer to that: {type(lost).__name__}; again")
    _tell(f"THE GROUP {place.name} MAY STILL BE THERE: az group delete --name {place.name}")
    return False


def _interrupted(*_: object) -> None:
    # Once: a second signal ends the run without waiting for the removal.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise KeyboardInterrupt


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - it is a command


if __name__ == "__main__":
    sys.exit(main())
