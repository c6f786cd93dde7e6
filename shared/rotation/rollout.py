"""Scheduled rotations in waves, and on hold: which may begin, and what a failure means for the others.

Counting is never in the way of a rotation: a failure that can't be counted is logged, and the next one counts. Whether
a rotation has to wait is read before ARM is asked; where it can't be read, the rotation is tried again later.
"""

import asyncio
import logging
import uuid
from collections.abc import Mapping
from functools import partial

from shared.domain import events
from shared.domain.errors import RotationError
from shared.domain.inventory_entry import InventoryEntry
from shared.domain.journal import Journal, Kind
from shared.domain.record import Record
from shared.domain.requests import NextWave, Standstill
from shared.domain.resources import ResourceId
from shared.domain.rollout import FailedRotation, Hold, Resumption, RolloutState, Waves
from shared.rotation.outbox import announce_without_record
from shared.rotation.ports import Services

log = logging.getLogger("rotation.rollout")

_PAUSE_SECONDS = 60.0  # after what could not be announced
_AT_ONCE_SECONDS = 1.0  # a refusal comes within it; what a topic that hangs fails with does not


class Rollouts:
    """The rollout of scheduled rotations, as this worker knows and changes it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._failures = True  # in a row, as far as this worker knows
        self._outbox = False
        self._announcing = asyncio.Lock()
        self._paused_until = 0.0  # by the loop's clock

    async def read(self) -> RolloutState:
        """The state as it is now. Raises what the store raises."""
        return self._known(await self._services.rollouts.read())

    async def standstill(self, resource: ResourceId) -> Standstill | None:
        """Why a scheduled rotation of the resource has to wait now. Raises what the store raises."""
        return (await self.read()).standstill(resource, self._services.clock())

    async def failed(self, record: Record, error: RotationError) -> None:
        """Count a failure of the record's open run, if that is a scheduled rotation for which ARM was asked.

        To be called before the failure is recorded: a worker that is killed in between counts it once more, under the
        same resource. A failure that stands already is not counted: it says nothing new of the others.
        """
        journal, now = record.journal, self._services.clock()
        if journal is None or not _counts(journal) or not journal.attempts:
            return
        if record.failing and record.failing.code == error.code:
            return
        failure = FailedRotation(
            resource=record.resource,
            rotation_id=journal.rotation_id,
            code=error.code,
            message=error.message,
            at=now,
        )

        def counted(known: RolloutState) -> RolloutState:
            changed = known.with_failure(failure, now)
            hold = changed.held(now)
            return changed.announcing(events.held(hold)) if hold and not known.held(now) else changed

        try:
            state = self._known(await self._services.rollouts.change(counted))
        except RotationError as obstacle:
            log.warning("failure not counted", extra={"resource": record.resource, "code": obstacle.code})
            return
        hold = state.held(now)
        if hold and hold.since == now:
            log_hold(hold)

    async def succeeded(self, journal: Journal, *, resumed: bool = False) -> None:
        """Count a success: there are no failures in a row any more.

        What this worker read before the run began is enough where there were none: a failure that came meanwhile stays.
        Before a run that it `resumed` it may have read nothing for long.
        """
        if not _counts(journal) or not (self._failures or resumed):
            return
        try:
            self._known(await self._services.rollouts.change(RolloutState.with_success))
        except RotationError as obstacle:
            log.warning("success not counted", extra={"rotation_id": journal.rotation_id, "code": obstacle.code})

    async def announce(self) -> None:
        """Send what waits, and store that it was sent. What can't be sent now waits, in the store, for a later call.

        Every attempt of this worker calls it at its end. While the topic hangs, one of them waits for it, and that once
        a minute; or else messages would expire while their workers stand in line here.
        """
        clock = asyncio.get_running_loop().time
        if not self._outbox or self._announcing.locked() or clock() < self._paused_until:
            return
        async with self._announcing:
            sent = False
            try:
                sent = await self._send_all()
            except RotationError as obstacle:
                log.warning("hold not announced", extra={"code": obstacle.code})
            finally:  # an invocation that is cancelled while it waits has found the same
                self._paused_until = 0.0 if sent else clock() + _PAUSE_SECONDS

    async def plan(
        self, fleet: Mapping[ResourceId, InventoryEntry | None], waves: Waves
    ) -> tuple[RolloutState, NextWave | None]:
        """Begin waves, or go on with them, as the managed resources are now. Raises what the store raises.

        A sweep calls it: what waits to be announced is tried again then, whatever an earlier sweep found.
        Gives the state, and, where a wave was released that another one follows, the message that is to come for it.
        """
        now, rollout_id = self._services.clock(), str(uuid.uuid4())
        self._paused_until = 0.0

        def planned(known: RolloutState) -> RolloutState:
            return known.planned(fleet, waves, now=now, rollout_id=rollout_id)

        state = self._known(await self._services.rollouts.change(planned))
        if hold := state.held(now):
            log_hold(hold)
        rollout = state.rollout
        if rollout is None or rollout.released_at != now:
            return state, None
        log.info(
            "wave begun",
            extra={"wave": rollout.wave, "released": rollout.released, "resources": rollout.total},
        )
        return state, NextWave(rollout=rollout.id, wave=rollout.wave)

    async def resume(self, *, by: str, reason: str = "") -> Hold | None:
        """End the hold, and give it; None where there was none. Raises what the store raises."""
        now, ended = self._services.clock(), list[Hold | None]()
        mine = Resumption(at=now, by=by, reason=reason)

        def resumed(known: RolloutState) -> RolloutState:
            if known.resumed == mine:  # by this very call: the answer to what it wrote was lost
                return known
            ended.append(known.held(now))
            return known.resume(mine)

        self._known(await self._services.rollouts.change(resumed))
        hold = ended[-1]
        log.warning("rotations resumed", extra={"by": by, "reason": reason, "held": hold is not None})
        return hold

    async def _send_all(self) -> bool:
        """Send what waits, also what is added meanwhile: whoever adds it does not wait for its turn.

        Gives whether all was sent. It ends with the first failure that took time. One that came at once may be about
        this very event, and keeps back none behind it.
        """
        clock, state, tried = asyncio.get_running_loop().time, await self.read(), set[str]()
        while event := next((each for each in state.outbox if each.id not in tried), None):
            tried.add(event.id)
            began = clock()
            if await announce_without_record(self._services.events, event):
                state = self._known(await self._services.rollouts.change(partial(RolloutState.announced, event=event)))
            elif clock() > began + _AT_ONCE_SECONDS:
                break
        return not state.outbox

    def _known(self, state: RolloutState) -> RolloutState:
        self._failures, self._outbox = bool(state.failures), bool(state.outbox)
        return state


def log_hold(hold: Hold) -> None:
    """Log that scheduled rotations are on hold: when it begins, and with each sweep while it lasts."""
    last = hold.failures[-1].resource if hold.failures else ""
    log.error("rotations held", extra={"resource": last, "code": hold.code, "until": hold.until.isoformat()})


def _counts(journal: Journal) -> bool:
    return journal.scheduled and journal.kind is Kind.ROTATE
