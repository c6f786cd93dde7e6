"""One resource group with all that is needed, made and removed."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.live.wire import Answer, Wire

_TEMPLATE = Path(__file__).parent / "template.json"
_GROUPS, _DEPLOYMENTS, _VAULTS, _LOCKS = "2021-04-01", "2021-04-01", "2023-07-01", "2020-05-01"
_DEPLOYED_WITHIN_SECONDS = 1800
_REMOVED_WITHIN_SECONDS = 1800


class LiveError(RuntimeError):
    """The run cannot go on. The message says at what."""


@dataclass
class Place:
    """The group, and what was deployed into it."""

    wire: Wire
    subscription: str
    location: str
    poll_seconds: float
    name: str
    vault: str = ""
    topic: str = ""
    storage: str = ""

    @classmethod
    def named(cls, wire: Wire, subscription: str, location: str, poll_seconds: float) -> "Place":
        """A place that does not exist yet. Its name is new at every run: a deleted vault keeps its own for a week."""
        return cls(wire, subscription, location, poll_seconds, f"srlive{uuid.uuid4().hex[:12]}")

    @property
    def group(self) -> str:
        """The group's path."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.name}"

    @property
    def resource(self) -> str:
        """The SignalR resource's id."""
        return f"{self.group}/providers/Microsoft.SignalRService/SignalR/{self.name}"

    def make(self, *, sku: str, principal: str) -> None:
        """Deploy everything. Raises `LiveError`."""
        self.wire.places |= {self.name: "{name}", self.subscription: "{subscription}", self.wire.arm: "{origin}"}
        _ok("make the group", self.wire.ask("group", "PUT", self.group, _GROUPS, {"location": self.location}))
        path = f"{self.group}/providers/Microsoft.Resources/deployments/live"
        given = {"name": self.name, "sku": sku, "principal": principal, "location": self.location}
        properties = {
            "mode": "Incremental",
            "template": json.loads(_TEMPLATE.read_text()),
            "parameters": {name: {"value": value} for name, value in given.items()},
        }
        _ok("deploy", self.wire.ask("deploy", "PUT", path, _DEPLOYMENTS, {"properties": properties}))
        deployed = self.until(
            lambda: _ended(self.wire.ask("deployment", "GET", path, _DEPLOYMENTS)), _DEPLOYED_WITHIN_SECONDS
        )
        if deployed["provisioningState"] != "Succeeded":
            raise LiveError(f"the deployment ended as {deployed['provisioningState']}: {deployed.get('error')}")
        outputs = {name: output["value"] for name, output in deployed["outputs"].items()}
        self.vault, self.topic = outputs["vault"].rstrip("/"), outputs["topic"]
        self.storage = outputs.get("storage", "")
        self.wire.places |= {self.vault: "{vault}", self.topic: "{topic}"}

    def lock(self) -> Answer:
        """Forbid every write to the resource."""
        return self.wire.ask("lock", "PUT", self._lock, _LOCKS, {"properties": {"level": "ReadOnly"}})

    def unlock(self) -> None:
        """Allow them again, whether they were forbidden or not: a lock also keeps the group from being deleted."""
        self.wire.ask("unlock", "DELETE", self._lock, _LOCKS)

    @property
    def _lock(self) -> str:
        return f"{self.resource}/providers/Microsoft.Authorization/locks/live"

    def remove(self) -> bool:
        """Delete the group with all that is in it, and the vault for good. Whether the group is gone."""
        self.unlock()
        accepted = self.wire.ask("remove", "DELETE", self.group, _GROUPS)
        if accepted.status not in {200, 202, 404}:
            return False
        try:
            self.until(
                lambda: self.wire.ask("removed?", "GET", self.group, _GROUPS).status == 404 or None,
                _REMOVED_WITHIN_SECONDS,
            )
        except LiveError:
            return False
        vault = f"/subscriptions/{self.subscription}/providers/Microsoft.KeyVault/locations/{self.location}"
        self.wire.ask("purge the vault", "POST", f"{vault}/deletedVaults/{self.name}/purge", _VAULTS)
        return True

    def until[T](self, look: Callable[[], T | None], seconds: float) -> T:
        """What `look` gives once it gives something. Raises `LiveError`."""
        deadline = time.monotonic() + seconds
        while (seen := look()) is None:
            if time.monotonic() > deadline:
                raise LiveError(f"not seen within {seconds} s")
            time.sleep(self.poll_seconds)
        return seen


def _ok(what: str, answer: Answer) -> None:
    if answer.status not in {200, 201, 202}:
        raise LiveError(f"could not {what}: {answer.status} {answer.code}")


def _ended(answer: Answer) -> dict[str, Any] | None:
    properties: dict[str, Any] = (answer.body or {}).get("properties", {})
    return properties if properties.get("provisioningState") in {"Succeeded", "Failed", "Canceled"} else None
