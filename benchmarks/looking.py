"""8. What a look at the fleet costs: a page of it, the dashboard's first page, deep health, and the whole as a sheet.

The records and what the last sweep found are written as the app writes them, so that no figure waits for a sweep.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from azure.storage.blob.aio import BlobServiceClient

from benchmarks.finding import Figure, Finding, Goal
from benchmarks.ground import Ground, Usage, ground
from local.functions_host.client import FunctionsHost
from shared.adapters.azure_services import NAME
from shared.adapters.blob_container import upload
from shared.adapters.blob_records import BlobRecords, written
from shared.adapters.blob_swept_fleet import BlobSweptFleet
from shared.domain.decision import Cause
from shared.domain.heartbeat import Heartbeat
from shared.domain.journal import Kind, Step
from shared.domain.keys import Slot
from shared.domain.record import Outcome, Record, Result
from shared.domain.resources import ResourceId
from shared.domain.snapshot import Snapshot
from shared.domain.swept_fleet import ManagedResource, SweptFleet
from shared.rotation.health import LOOKS
from shared.rotation.inventory import digest_of

_PERIOD = timedelta(days=60)
_OUTCOMES = 8
_AT_ONCE = 32
_ASKS = 30
_GOALS = {1_000: 0.5, 10_000: 2.0}


def measure(*, short: bool) -> Finding:
    """Fleets of 1,000 and 10,000, each looked at by a new worker process."""
    figures: list[Figure] = []
    for size in (20,) if short else (1_000, 10_000):
        with ground() as on:
            figures += _looked_at(on, size, rounds=1 if short else 2)
    return Finding(
        8,
        "Looking at a fleet",
        tuple(figures),
        (
            (
                "CPU of all threads that the platform's worker library and the app run on, as in 4. The first look of "
                "a worker process loads the modules as well; all other numbers are of one that has answered before. A "
                "page is the mean of ten; the first page after a sweep reads anew what the sweep found."
            ),
            (
                "Records with eight outcomes each, and what the last sweep found, written as the app writes them. "
                "Nothing but deep health asks ARM."
            ),
            (
                f"Deep health: {_ASKS} asks one after the other. The first looks at sixteen resources; what the others "
                "take is what it costs beyond those."
            ),
        ),
    )


def _looked_at(on: Ground, size: int, *, rounds: int) -> list[Figure]:
    resources = [
        ResourceId.parse(
            on.azure.create_signalr(f"chat{n:05}", subscription=on.subscription, tags={"key-rotation": "enabled"})
        )
        for n in range(size)
    ]
    asyncio.run(_write(on, resources))
    mark = on.mark()
    named, limit = f"{size:,} resources", _GOALS.get(size)
    first = [_in_new_worker(on, lambda host: _get(host, "dashboard")) for _ in range(rounds)]
    modules = [_in_new_worker(on, lambda host: _get(host, "resources?maxPageSize=1")) for _ in range(rounds)]
    _get(on.host, "resources?maxPageSize=1")
    after, pages, again, sheets = [], [], [], []
    for number in range(rounds):
        asyncio.run(_sweep(on, resources, number + 1))
        after.append(_cpu(on.host, lambda: _get(on.host, "resources")))
        pages.append(_cpu(on.host, lambda: _all_pages(on.host, most=10)) / min(10, -(-size // 100)))
        again.append(_cpu(on.host, lambda: _get(on.host, "dashboard?order=name")))
        sheets.append(_cpu(on.host, lambda: _get(on.host, "resources", Accept="text/csv")))
    asked = sum(count for (operation, _), count in on.statuses(mark).items() if operation.startswith("SignalR."))
    mark = on.mark()
    looked = _cpu(on.host, lambda: _get(on.host, "health/deep"))
    beyond = _cpu(on.host, lambda: [_get(on.host, "health/deep") for _ in range(_ASKS - 1)]) / (_ASKS - 1)
    keys = sum(count for (operation, _), count in on.statuses(mark).items() if operation == "SignalR.listKeys")
    return [
        Figure(
            f"{named}: first dashboard of a new worker", tuple(first), "s", Goal("at most", limit) if limit else None
        ),
        Figure(f"{named}: first page of one resource of a new worker", tuple(modules), "s"),
        Figure(f"{named}: another dashboard page", tuple(again), "s", digits=3),
        Figure(f"{named}: first page of 100 after a sweep", tuple(after), "s", Goal("at most", 0.15)),
        Figure(f"{named}: page of 100", tuple(pages), "s", Goal("at most", 0.15), digits=3),
        Figure(f"{named}: the whole as a sheet", tuple(sheets), "s"),
        Figure(f"{named}: ARM calls for all of these", (asked,), "", Goal("exactly", 0), digits=0),
        Figure(f"{named}: deep health that looks at sixteen", (looked,), "s"),
        Figure(f"{named}: deep health beyond that", (beyond,), "s", Goal("at most", 0.5), digits=3),
        Figure(f"{named}: listKeys of {_ASKS} asks", (keys,), "", Goal("at most", LOOKS), digits=0),
    ]


def _cpu(host: FunctionsHost, look: Callable[[], object]) -> float:
    before = Usage.of(host.pid).worker_seconds
    look()
    return Usage.of(host.pid).worker_seconds - before


def _in_new_worker(on: Ground, look: Callable[[FunctionsHost], object]) -> float:
    """CPU of a look that is the first thing a worker process is asked for."""
    with on.another_host() as host:
        return _cpu(host, lambda: look(host))


def _get(host: FunctionsHost, path: str, **headers: str) -> bytes:
    response = host.request("GET", f"/api/{path}", headers=headers)
    if not path.startswith("health"):  # what deep health finds in records that were made up is no matter here
        response.raise_for_status()
    return response.content


def _all_pages(host: FunctionsHost, *, most: int) -> None:
    path = "/api/resources"
    for _ in range(most):
        page = host.request("GET", path).json()
        link = page.get("nextLink")
        if link is None:
            return
        path = "/api/resources" + link.partition("/api/resources")[2]


async def _write(on: Ground, resources: list[ResourceId]) -> None:
    now, settings = datetime.now(UTC), on.settings()
    places = asyncio.Semaphore(_AT_ONCE)
    async with BlobServiceClient.from_connection_string(on.storage.connection_string) as blobs:
        container = blobs.get_container_client(NAME)

        async def write(record: Record) -> None:
            name, content, metadata = written(record, settings.installation)
            async with places:
                await upload(container, name, content, overwrite=True, metadata=metadata)

        await asyncio.gather(*(write(_record(each, now, number)) for number, each in enumerate(resources)))
        beat = Heartbeat(started_at=now, ended_at=now, resources=len(resources), enqueued=len(resources))
        await BlobRecords(container, installation=settings.installation).write_heartbeat(beat)
    await _sweep(on, resources)


async def _sweep(on: Ground, resources: list[ResourceId], number: int = 0) -> None:
    """Write what a sweep finds."""
    now, settings = datetime.now(UTC), on.settings()
    members = [ManagedResource.of(each, 2 * _PERIOD + timedelta(hours=number)) for each in resources]
    fleet = SweptFleet.of(members, [], as_of=now, settings=digest_of(settings.resources, settings.scopes))
    async with BlobServiceClient.from_connection_string(on.storage.connection_string) as blobs:
        stored = BlobSweptFleet(blobs.get_container_client(NAME), lambda: now, installation=settings.installation)
        if not await stored.write(fleet):
            raise RuntimeError("another look is stored")


def _record(resource: ResourceId, now: datetime, number: int) -> Record:
    """One that has rotated for more than a year, on another day than its neighbours."""
    newest = now - timedelta(days=number % 58)
    slots = [Slot.PRIMARY if n % 2 else Slot.SECONDARY for n in range(_OUTCOMES)]
    outcomes = [
        Outcome(
            rotation_id=f"7d9f2c1e-0000-5000-8000-{number:07}{n:05}",
            result=Result.SUCCEEDED,
            kind=Kind.ROTATE if n else Kind.PUBLISH,
            cause=None if n else Cause.ADOPT,
            slot=slot,
            trigger="timer",
            requested_at=at - timedelta(seconds=22),
            ended_at=at,
            fingerprint=f"{number:06x}{n:06x}",
            version=f"{number:016x}{n:016x}",
            times=dict.fromkeys((Step.PLANNED, Step.REGENERATED, Step.PUBLISHED, Step.ANNOUNCED), at),
        )
        for n, slot in enumerate(slots)
        if (at := newest - _PERIOD * (_OUTCOMES - 1 - n))
    ]
    before, last = outcomes[-2:]
    snapshot = Snapshot(
        secret_name=f"{resource.name}-connection-string",
        vault_url="https://127.0.0.1",
        provisioning_state="Succeeded",
        endpoint=f"https://{resource.name}.service.signalr.net",
        fingerprints={slots[-2]: before.fingerprint or "", slots[-1]: last.fingerprint or ""},
        published_slot=slots[-1],
        fingerprint=last.fingerprint,
        version=last.version,
        published_at=newest,
        due_at=newest + _PERIOD,
        overlap_until=newest + timedelta(hours=24),
    )
    return Record(resource=str(resource), format=2, snapshot=snapshot, history=tuple(outcomes))
