"""One cut: a mode, the number of the call that goes wrong, how, and who comes next. And what must be true after it."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Literal

from shared.domain.keys import fingerprint
from shared.domain.record import Outcome, Result
from shared.domain.requests import WorkItem
from shared.domain.resources import ResourceId
from shared.rotation.submit import status_by
from tests.faults.consistency import Consistency, Told, World
from tests.faults.lane import Lane
from tests.faults.modes import Mode, key_of, sweep_of
from tests.faults.proxy import Call, Fault
from tests.faults.theft import changed_without_lease

_DELIVERIES = 8
_SWEEPS = 3
# A salt leaves no trace; and a sweep that comes first may adopt a key, whose overlap then refuses the first rotation.
_ALSO = {"salt": {Result.UNKNOWN}, "first": {Result.REFUSED}, "renamed": {Result.REFUSED}}


@dataclass(frozen=True, slots=True)
class Cut:
    """A case. `then`: whether the message is delivered again, or the next sweep comes first."""

    mode: Mode
    at: int
    fault: Fault
    then: Literal["redelivery", "sweep"]

    def __str__(self) -> str:
        return f"{self.mode} · call {self.at} · {self.fault.name} · then {self.then}"


@dataclass(slots=True)
class Findings:
    """What was wrong in one case, by invariant."""

    case: str
    violations: list[str] = field(default_factory=list)

    def expect(self, invariant: str, holds: bool, what: object = "") -> None:  # noqa: FBT001 - reads like assert
        """Note a violation unless it holds."""
        if not holds:
            self.violations.append(f"{invariant}: {what}")


async def calls_of(lane: Lane, mode: Mode) -> list[Call]:
    """The calls of a mode that nothing disturbs, in a process that has met Key Vault's challenge before."""
    for _ in range(2):
        request = await arranged(lane, mode)
        lane.proxy.disarm()
        await lane.work(request, fresh=True)
    return list(lane.proxy.calls)


async def play(lane: Lane, cut: Cut) -> Findings:
    """Play one case to its end."""
    found = Findings(str(cut))
    request = await arranged(lane, cut.mode)
    oracle = Consistency()
    await _struck(lane, cut, request, found)
    live(lane, cut.mode, found)
    await _tell_the_same(lane, request, oracle, found)
    if cut.then == "sweep":
        await lane.work(sweep_of(lane.resource))
        live(lane, cut.mode, found)
        await _tell_the_same(lane, request, oracle, found)
    outcome = None
    for _ in range(_DELIVERIES):
        outcome = await lane.work(request)
        await _tell_the_same(lane, request, oracle, found)
        if outcome:
            break
        await lane.an_hour_passes()
    found.expect("3 Once", outcome is not None, "the message never came to an end")
    if cut.mode.unheard:
        await _come_to_rest(lane, "9 Unblocked", found)
        found.expect("9 Unblocked", not _taken(lane, "announce"), "the topic was there")
        lane.proxy.gone = frozenset()
    swept = await _come_to_rest(lane, "6 Converges", found)
    found.expect("6 Converges", not lane.errors, lane.errors)
    if swept:
        record, now = await lane.ledger.read(ResourceId.parse(lane.resource)), datetime.now(UTC) + lane.ahead
        told = [*oracle.at_rest(record, swept, _world(lane), now)]
        found.expect("10 Consistent", not told, told)
    await settled(lane, cut.mode, request, found)
    return found


async def _come_to_rest(lane: Lane, invariant: str, found: Findings) -> Outcome | None:
    """Sweep until there is nothing to do; the last outcome.

    Where a service was too slow for a call although no fault was made, the sweep after that comes when sweeps come.
    """
    swept = None
    for _ in range(_SWEEPS):
        if (swept := await lane.work(sweep_of(lane.resource))) and swept.result is Result.SKIPPED:
            break
        if swept is None:
            await lane.an_hour_passes()
    at_rest = swept is not None and swept.result is Result.SKIPPED
    found.expect(invariant, at_rest, f"the last sweep still found something to do: {swept}")
    return swept


async def arranged(lane: Lane, mode: Mode) -> WorkItem:
    """Bring a resource of its own, and the services, into the mode's state: the message that asks for it."""
    lane.consumable = False
    lane.proxy.disarm()
    lane.new_resource()
    lane.secrecy.keys |= set(lane.azure.valid_keys(lane.resource).values())
    lane.published = mode.arrange(lane.azure, lane.resource, lane.endpoint)
    lane.proxy.gone = frozenset({"eventgrid"} if mode.unheard else ())
    if mode.renamed:
        await _adopted(lane)
        lane.azure.update_signalr(
            lane.resource, tags={"key-rotation": "enabled", "key-rotation-secret": f"{lane.secret}-2"}
        )
    lane.consumable = not mode.refuses
    return mode.request(lane.resource)


async def _adopted(lane: Lane) -> None:
    """A sweep has written down what is published. Where no fault is made a machine can be too slow for a call."""
    for _ in range(_DELIVERIES):
        if await lane.work(sweep_of(lane.resource)):
            return
        await lane.time_passes()
    raise AssertionError(f"no sweep of {lane.resource} came to its end")


async def _struck(lane: Lane, cut: Cut, request: WorkItem, found: Findings) -> None:
    """The first delivery, into which the fault falls."""
    if cut.fault.name.startswith("kill"):
        lane.proxy.arm(cut.at, cut.fault, lane.kill)
        await lane.work_until_killed(request)
    elif cut.fault.hook == "before":
        theft = lane.theft()
        lane.proxy.arm(cut.at, cut.fault, theft.strike)
        await lane.work(request, fresh=True)
        kept = await theft.give_back()
        # A theft that takes long strikes later: the worker has asked again meanwhile.
        later = changed_without_lease(lane.proxy.calls, max(cut.at, theft.at))
        found.expect("7 Fenced", kept is None or (kept and not later), later or "the record was written")
    else:
        lane.proxy.arm(cut.at, cut.fault)
        await lane.work(request, fresh=True)
    lane.proxy.disarm()


async def _tell_the_same(lane: Lane, request: WorkItem, oracle: Consistency, found: Findings) -> None:
    """Invariant 10, at this instant."""
    record = await lane.ledger.read(ResourceId.parse(lane.resource))
    operation = await lane.operations.read(request.rotation_id)
    statuses = {request.rotation_id: status_by(operation, record)} if operation else {}
    told = [*oracle.look(record, statuses, _world(lane), datetime.now(UTC) + lane.ahead)]
    found.expect("10 Consistent", not told, told)


def _world(lane: Lane) -> World:
    """What is really so."""
    published = [json.loads(call.body) for call in _taken(lane, "publish")]
    events = {event["id"]: event for call in _taken(lane, "announce") for event in json.loads(call.body)}
    newest = _newest(lane)
    return World(
        live=frozenset(map(fingerprint, lane.azure.valid_keys(lane.resource).values())),
        newest=fingerprint(key_of(newest)) if newest else None,
        made={body["tags"]["RotationId"]: fingerprint(key_of(body["value"])) for body in published},
        sent=[
            Told.of(event["id"], event["type"].rpartition(".")[2], event["data"]["rotationId"], event["data"])
            for event in events.values()
        ],
    )


def _taken(lane: Lane, what: str) -> list[Call]:
    return [call for call in lane.proxy.taken if call.what == what]


def _newest(lane: Lane) -> str | None:
    published = _taken(lane, "publish")
    return json.loads(published[-1].body)["value"] if published else lane.published


def live(lane: Lane, mode: Mode, found: Findings) -> None:
    """Invariant 1, at this instant."""
    value, live = _newest(lane), set(lane.azure.valid_keys(lane.resource).values())
    lane.secrecy.keys |= live
    if value is None or (mode.refuses and not _taken(lane, "publish")):
        return
    found.expect("1 Live", key_of(value) in live, "the published key is dead")


async def settled(lane: Lane, mode: Mode, request: WorkItem, found: Findings) -> None:
    """All that must be true in the end."""
    live(lane, mode, found)
    changes, published, told = (_taken(lane, what) for what in ("regenerate", "publish", "announce"))
    tags = [json.loads(call.body)["tags"] for call in published]
    found.expect("3 Once", len(published) == mode.versions, f"{len(published)} versions")
    found.expect("3 Once", len({tag["RotationId"] for tag in tags}) == len(tags), "two versions under one id")
    least = 0 if mode.name in {"salt", "first"} else mode.changes
    found.expect("3 Once", least <= len(changes) <= mode.changes, f"{len(changes)} regenerations")
    at = lane.azure.regenerations(lane.resource)
    apart = all(one["effectiveAt"] and one["effectiveAt"] <= two["startedAt"] for one, two in pairwise(at))
    found.expect("2 One at a time", apart, at)
    events = [event for call in told for event in json.loads(call.body)]
    by_id = {event["id"]: event for event in events}
    for tag in tags:
        mine = {i for i, event in by_id.items() if event["data"]["rotationId"] == tag["RotationId"]}
        mine = {i for i in mine if "RotationFailed" not in i}
        found.expect("4 Told", len(mine) == 1, f"{len(mine)} event ids for one version")
    record = await lane.ledger.read(ResourceId.parse(lane.resource))
    found.expect("6 Converges", record is not None and record.journal is None, "a journal is open")
    ticket = await lane.operations.read(request.rotation_id)
    ended = ticket.outcome.result if ticket and ticket.outcome else None
    good = {Result.SUCCEEDED, Result.SKIPPED} | _ALSO.get(mode.name, set())
    found.expect("6 Converges", ended in good, f"ended as {ended}")
    lane.secrecy.hear(json.dumps(events), record.model_dump_json() if record else "", str(found.violations))
    lane.consumable = False
