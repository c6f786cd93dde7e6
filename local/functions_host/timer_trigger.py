"""Timer functions: an NCRONTAB schedule, UTC, one run at a time; runs by hand come beside it and may overlap.

Seen when the platform's host was run: an occurrence that was missed while a run went on fires as soon as that run ends,
once, and is not called past due; a monitored timer makes up for one that was missed while no host ran, and calls it so.
"""

import asyncio
import json
from datetime import UTC, datetime, timedelta

from croniter import CroniterError, croniter  # type: ignore[import-untyped]  # ships no types

from local.functions_host.functions import Function
from local.functions_host.host_json import ConfigurationError
from local.functions_host.timer_status import NEVER, TimerStatus, TimerStatuses
from local.functions_host.wall_clock import WallClock
from local.functions_host.worker import Invocation, Outcome, Worker

_PAST_DUE_AFTER = timedelta(seconds=1)
_FIELDS_WITHOUT_SECONDS = 5
_MONITORED_FROM = timedelta(minutes=1)


class Schedule:
    """NCRONTAB: `{second} {minute} {hour} {day} {month} {day-of-week}`; five fields mean second 0.

    Day and day of week must both fit (other crons take either), as in NCrontab, which the platform uses.
    """

    def __init__(self, expression: str, where: str) -> None:
        fields = expression.split()
        if len(fields) == _FIELDS_WITHOUT_SECONDS:
            fields.insert(0, "0")
        self._expression = " ".join(fields)
        try:
            self.after(datetime.now(UTC))
        except CroniterError as error:
            raise ConfigurationError(
                f"schedule of {where}: {expression!r} is no NCRONTAB expression: {error}"
            ) from error

    def after(self, moment: datetime) -> datetime:
        """The first occurrence later than `moment`."""
        found = croniter(self._expression, moment, second_at_beginning=True, day_or=False).get_next(datetime)
        if not isinstance(found, datetime):
            raise TypeError(f"croniter gave {found!r}")
        return found

    def interval(self, moment: datetime) -> timedelta:
        """The time between the next two occurrences."""
        first = self.after(moment)
        return self.after(first) - first


class TimerTrigger:
    """One timer function and what it has done so far."""

    def __init__(self, worker: Worker, function: Function, clock: WallClock, statuses: TimerStatuses) -> None:
        self._worker = worker
        self._function = function
        self._clock = clock
        self._statuses = statuses
        self._schedule = Schedule(function.schedule, function.name)
        often = self._schedule.interval(datetime.now(UTC)) < _MONITORED_FROM
        self._monitored = function.monitored and not often
        self._under_way: asyncio.Task[Outcome] | None = None

    async def run(self) -> None:
        """Fire on schedule until cancelled. Runs never overlap."""
        now = datetime.now(UTC)
        status = await self._statuses.read(self._function.name) if self._monitored else None
        if status is None:
            due = self._schedule.after(now)
            status = TimerStatus(NEVER, due, NEVER)
            await self._keep(TimerStatus(NEVER, due, now))
        elif status.next <= now:
            status = await self._fire(status, past_due=True)
        due = self._schedule.after(max(now, status.last))
        ran = False
        while True:
            missed = ran and due <= datetime.now(UTC)
            await self._clock.sleep_until(due)
            late = datetime.now(UTC) - due > _PAST_DUE_AFTER
            occurring = TimerStatus(status.last, due, status.last_updated)
            status = await self._fire(occurring, past_due=late and not missed)
            ran = True
            due = self._schedule.after(max(status.last, due))

    async def by_hand(self) -> Invocation:
        """A run now: it takes no lock, reads what is remembered and changes none of it."""
        if not self._monitored:
            return self._invocation(None, past_due=False)
        known = await self._statuses.read(self._function.name)
        coming = self._schedule.after(datetime.now(UTC))
        return self._invocation(known or TimerStatus(NEVER, coming, NEVER), past_due=False)

    async def _fire(self, status: TimerStatus, *, past_due: bool) -> TimerStatus:
        fired = datetime.now(UTC)
        invocation = self._invocation(status if self._monitored else None, past_due=past_due)
        # A task of its own: when the host is told to stop, no more is fired, and what runs has its time to end.
        self._under_way = asyncio.create_task(self._worker.invoke(invocation))
        await asyncio.shield(self._under_way)
        after = TimerStatus(fired, self._schedule.after(fired), fired)
        await self._keep(after)
        return after

    async def _keep(self, status: TimerStatus) -> None:
        if self._monitored:
            await self._statuses.write(self._function.name, status)

    def _invocation(self, status: TimerStatus | None, *, past_due: bool) -> Invocation:
        timer = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": status.as_json() if status else None,
            "IsPastDue": past_due,
        }
        return Invocation(self._function, self._worker.protos.TypedData(json=json.dumps(timer)))
