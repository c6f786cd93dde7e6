"""A function of the app as the host sees it: its name and what triggers it."""

import json
import os
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from local.functions_host.host_json import ConfigurationError, resolve


class AuthLevel(StrEnum):
    """Which key an HTTP function asks for."""

    ANONYMOUS = "anonymous"
    FUNCTION = "function"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Function:
    """One indexed function. `parameter` is the argument its trigger fills."""

    name: str
    id: str
    parameter: str
    trigger: dict[str, Any]

    @classmethod
    def parse(cls, name: str, function_id: str, raw_bindings: list[str]) -> Self:
        """Find the trigger among the bindings the worker reported; `ConfigurationError` unless there is just one."""
        bindings = [json.loads(raw) for raw in raw_bindings]
        triggers = [binding for binding in bindings if binding["type"].lower().endswith("trigger")]
        if len(triggers) != 1:
            raise ConfigurationError(f"function {name} has {len(triggers)} triggers, not one")
        return cls(name, function_id, triggers[0]["name"], triggers[0])

    @property
    def type(self) -> str:
        """The trigger's binding type, such as `httpTrigger`."""
        return str(self.trigger["type"])

    @property
    def disabled(self) -> bool:
        """Whether the app setting `AzureWebJobs.<name>.Disabled` switches it off."""
        return os.environ.get(f"AzureWebJobs.{self.name}.Disabled", "").lower() in {"true", "1"}

    @property
    def route(self) -> str:
        """An HTTP function's route below the prefix; its name where it gives none."""
        return str(self.trigger.get("route") or self.name).strip("/")

    @property
    def methods(self) -> tuple[str, ...]:
        """An HTTP function's methods in upper case; empty means every method."""
        return tuple(str(method).upper() for method in self.trigger.get("methods") or ())

    @property
    def auth_level(self) -> AuthLevel:
        """An HTTP function's level; `function` where it gives none."""
        return AuthLevel(str(self.trigger.get("authLevel") or "function").lower())

    @property
    def schedule(self) -> str:
        """A timer's NCRONTAB expression, settings filled in."""
        return resolve(str(self.trigger["schedule"]), f"schedule of {self.name}")

    @property
    def queue(self) -> str:
        """The queue a queue function listens on, settings filled in."""
        return resolve(str(self.trigger["queueName"]), f"queue of {self.name}")

    @property
    def monitored(self) -> bool:
        """Whether a timer's missed occurrences are made up for."""
        return str(self.trigger.get("useMonitor", True)).lower() != "false"

    @property
    def takes_many(self) -> bool:
        """Whether an Event Grid function takes all events of a delivery at once."""
        return str(self.trigger.get("cardinality") or "one").lower() == "many"

    @property
    def connection(self) -> str:
        """The name, or name prefix, of the settings that reach a queue function's storage."""
        return str(self.trigger.get("connection") or "AzureWebJobsStorage")

    def described(self) -> dict[str, Any]:
        """What the ready line tells about it."""
        told: dict[str, Any] = {"type": self.type}
        if self.type == "httpTrigger":
            told |= {"route": self.route, "methods": list(self.methods), "authLevel": self.auth_level.value}
        elif self.type == "timerTrigger":
            told |= {"schedule": self.schedule}
        elif self.type == "queueTrigger":
            told |= {"queue": self.queue}
        return told
