"""Timer functions: an NCRONTAB schedule, UTC, one run at a time; runs by hand come beside it and may overlap."""

import json
from datetime import UTC, datetime, timedelta

from croniter import CroniterError, croniter  # type: ignore[import-untyped]  # ships no types

from local.functions_host.functions import Function
from local.functions_host.host_json import ConfigurationError
from local.functions_host.wall_clock import WallClock
from local.functions_host.worker import Invocation, Worker

_PAST_DUE_AFTER = timedelta(seconds=1)
_FIELDS_WITHOUT_SECONDS = 5


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


class TimerTrigger:
    """One timer function and what it has done so far."""

    def __init__(self, worker: Worker, function: Function, clock: WallClock) -> None:
        self._worker = worker
        self._function = function
        self._clock = clock
        self._schedule = Schedule(function.schedule, function.name)
        self._last: datetime | None = None

    async def run(self) -> None:
        """Fire on schedule until cancelled. The next time is reckoned when a run has ended: runs never overlap."""
        while True:
            due = self._schedule.after(datetime.now(UTC))
            await self._clock.sleep_until(due)
            late = datetime.now(UTC) - due
            self._last = due
            await self._worker.invoke(self.invocation(past_due=late > _PAST_DUE_AFTER))

    def invocation(self, *, past_due: bool = False) -> Invocation:
        """One run, with the timer information the platform sends."""
        now = datetime.now(UTC)
        never = datetime.min.replace(tzinfo=UTC)
        status = {"Last": self._last or never, "Next": self._schedule.after(now), "LastUpdated": self._last or never}
        timer = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": {name: moment.isoformat() for name, moment in status.items()},
            "IsPastDue": past_due,
        }
        return Invocation(self._function, self._worker.protos.TypedData(json=json.dumps(timer)))
