"""What a measurement stands on: the emulators with the behaviour that Azure documents, storage, and hosts with the app.

All of it runs on this machine, so the services that are not measured take part of its cores: that part is measured too.
"""

import os
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

from local.azure.certificates import authority
from local.azure.client import AzureEmulator
from local.azure.identity.tokens import LIFETIME_SECONDS
from local.azurite.server import Azurite
from local.functions_host.client import FunctionsHost
from local.functions_host.host_json import FAST_POLLING
from shared.settings import Settings

ROOT = Path(__file__).parents[1]
DOCUMENTED_SECONDS = (13.0, 19.0)
"""How long the regeneration of a key takes: observed of Azure."""

WRITES = ("SignalR.listKeys", "SignalR.regenerateKey")
_LONG_AGO_SECONDS = 61 * 86400
_QUEUES = "AzureFunctionsJobHost__extensions__queues__"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used since it began: CPU [s], that of its main thread alone, and the most memory [MB]."""

    cpu_seconds: float
    main_thread_seconds: float
    peak_megabytes: float

    @property
    def worker_seconds(self) -> float:
        """A host's CPU without its main thread: that does the platform's part, which on Azure another process does."""
        return self.cpu_seconds - self.main_thread_seconds

    @classmethod
    def of(cls, pid: int) -> "Usage":
        """Read it from proc(5): fields 14 and 15 of stat, VmHWM of status."""
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
        peak = int(lines["VmHWM"].split()[0]) / 1024
        return cls(_cpu_seconds(f"/proc/{pid}/stat"), _cpu_seconds(f"/proc/{pid}/task/{pid}/stat"), peak)


def _cpu_seconds(stat: str) -> float:
    fields = Path(stat).read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Ground:
    """Everything that runs. `hosts` are worker processes on one queue."""

    azure: AzureEmulator
    storage: Azurite
    hosts: list[FunctionsHost] = field(default_factory=list)
    subscriptions: int = 1
    environment: dict[str, str] = field(default_factory=dict)
    _throttling: bool = False

    @property
    def subscription(self) -> str:
        """Where the fleet is: the one that the Azure CLI sees when it signs in."""
        return self.azure.operator["AZURE_SUBSCRIPTION_ID"]

    @property
    def host(self) -> FunctionsHost:
        """The first worker process."""
        return self.hosts[0]

    @property
    def all_subscriptions(self) -> list[str]:
        """Where the fleet is, when it is in several."""
        return [self.subscription, *(str(uuid.UUID(int=number)) for number in range(1, self.subscriptions))]

    def settings(self) -> Settings:
        """The app's settings, as its hosts read them."""
        known: dict[str, Any] = {
            name: self.environment[name] for name in Settings.model_fields.keys() & self.environment
        }
        return Settings(**known)

    @contextmanager
    def another_host(self) -> Iterator[FunctionsHost]:
        """One more worker process, that has been asked for nothing yet."""
        with FunctionsHost.start(ROOT, self.environment) as host:
            yield host

    def fleet(self, size: int) -> list[str]:
        """So many resources that the app adopted 61 days ago, as the services' clocks have it: their ids.

        They are due from the first sweep that is measured; the one that adopted them is over.
        """
        made = [
            self.azure.create_signalr(f"chat{n:04}", subscription=subscription, tags={"key-rotation": "enabled"})
            for n, subscription in zip(range(size), cycle(self.all_subscriptions), strict=False)
        ]
        throttled, self.throttling = self.throttling, False
        self.azure.travel(-_LONG_AGO_SECONDS, clients_too=False)
        # Else each token has expired by the app's clock, and its clients fetch one for each call, one after the other.
        self.azure.token_lifetime(_LONG_AGO_SECONDS + LIFETIME_SECONDS)
        # Not by the timer: two of its sweeps within a minute are one.
        self.host.request("POST", "/api/rotate").raise_for_status()
        self.until_announced(size, 0, timeout=60 + size / 4)
        self.until_idle(timeout=60)
        self.azure.token_lifetime(LIFETIME_SECONDS)
        self.azure.travel(_LONG_AGO_SECONDS, clients_too=False)
        self.throttling = throttled
        return made

    @property
    def throttling(self) -> bool:
        """Whether ARM's and Key Vault's documented limits are on."""
        return self._throttling

    @throttling.setter
    def throttling(self, on: bool) -> None:
        self._throttling = on
        self.azure.configure(None, throttling=on)

    def sweep(self) -> None:
        """Fire the timer."""
        self.host.run("sweep")

    def announced(self, since: int) -> int:
        """How many events the topic has taken since that request."""
        return sum(each["status"] == 200 for each in self.azure.requests("eventgrid", since))  # noqa: PLR2004 - its only success

    def until_announced(self, count: int, since: int, *, timeout: float, look_seconds: float = 0.2) -> None:
        """Wait until so many events have been taken. Raises `TimeoutError` with what was asked of Azure meanwhile."""
        deadline = time.monotonic() + timeout
        while (seen := self.announced(since)) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{seen} of {count} after {timeout:g} s: {self.statuses(since)}")
            time.sleep(look_seconds)

    def until_looked_at(self, count: int, since: int, *, timeout: float) -> None:
        """Wait until keys have been probed so many times. Raises `TimeoutError`."""
        deadline = time.monotonic() + timeout
        while len(self.azure.requests("signalr", since)) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"not all looked at after {timeout:g} s: {self.statuses(since)}")
            time.sleep(0.2)

    def until_idle(self, *, timeout: float = 120) -> None:
        """Wait until no worker has anything in hand and nothing waits."""
        for host in self.hosts:
            host.idle(timeout)

    def mark(self) -> int:
        """The number of the newest request to Azure."""
        return max((each["n"] for each in self.azure.requests("identity")[-1:] + self.azure.requests()[-1:]), default=0)

    def statuses(self, since: int) -> Counter[tuple[str, int]]:
        """How often each operation was answered how."""
        return Counter((each["operation"], each["status"]) for each in self.azure.requests(since=since))


@contextmanager
def ground(
    *,
    operation_seconds: tuple[float, float] = DOCUMENTED_SECONDS,
    throttling: bool = False,
    workers: int = 1,
    subscriptions: int = 1,
    in_flight: tuple[int, int] | None = None,
    **settings: str,
) -> Iterator[Ground]:
    """Start everything, on free ports of 127.0.0.1, and end it with the block.

    `in_flight` is (batchSize, newBatchThreshold) instead of what host.json says. The app is told the shortest
    operation (`FIRST_POLL_SECONDS`), unless `settings` say otherwise.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="signalr-rotation-bench-")))
        authority(folder)
        azure = stack.enter_context(AzureEmulator.start(folder, operation_seconds=operation_seconds))
        storage = stack.enter_context(Azurite.start(folder / "storage"))
        on = Ground(azure, storage, subscriptions=subscriptions)
        environment = {
            "PATH": os.environ["PATH"],
            "AzureWebJobsStorage": storage.connection_string,
            "SIGNALR_SUBSCRIPTION_IDS": ",".join(on.all_subscriptions),
            "ROTATION_SCHEDULE": "0 7 * * * *",
            "FIRST_POLL_SECONDS": str(operation_seconds[0]),
            **FAST_POLLING,
            "ROTATION_WAVES": "100%",  # what is measured is the work, not the pauses between waves
            **azure.env,
            **settings,
        }
        if in_flight:
            names = (f"{_QUEUES}batchSize", f"{_QUEUES}newBatchThreshold")
            environment |= zip(names, map(str, in_flight), strict=True)
        on.environment = environment
        on.throttling = throttling
        for number in range(workers):
            log = folder / f"host-{number}.log"
            on.hosts.append(stack.enter_context(FunctionsHost.start(ROOT, environment, log=log)))
        yield on
