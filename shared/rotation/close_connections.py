"""Cutting the connections that may have been opened with a revoked key, once SignalR was seen to reject that key.

Earlier, its holder would only come back with it. What a hub answers, or that it does not, keeps no key from being
invalidated: that is done by then, and what could not be closed is told with it. At least once: a run that is resumed
closes again what is not known to be closed.
"""

import asyncio
import logging
from datetime import timedelta

from shared.domain.errors import RotationError, Terminal
from shared.domain.hubs import HubClosing, still_open
from shared.domain.keys import AccessKey
from shared.rotation.ports import Verdict, look_again_seconds
from shared.rotation.run_context import RunContext

log = logging.getLogger("rotation")

_ROUNDS = 3  # through the hubs that are still open
_SECONDS = 60.0  # for all of them
_LOOKS = 2  # in a row, on connections of their own, that must reject the old key


async def close_connections(run: RunContext, key: AccessKey | None) -> None:
    """Close the connections of the journal's hubs, signed with `key`, or with the listed one where that is None.

    Raises only what the record's store raises, and `Retryable` where the key can't be read now.
    """
    try:
        key = key or (await run.read_keys())[run.slot]
    except Terminal as error:
        return await _give_up(run, error.message)
    if not await _is_rejected(run, key):
        return await _give_up(run, "SignalR was not seen to reject the replaced key, so its holder could come back")
    until = asyncio.get_running_loop().time() + _SECONDS
    refused: set[str] = set()
    for turn in range(_ROUNDS):
        waiting = [each for each in still_open(run.journal.closings) if each.hub not in refused]
        if turn and waiting:
            await asyncio.sleep(look_again_seconds(run.services))
        for each in waiting:
            await run.leased.prolong()  # a worker that lost the lease cuts nothing more
            try:
                async with asyncio.timeout_at(until):
                    await run.services.connections.close(key, each.hub)
            except (RotationError, TimeoutError) as error:
                if isinstance(error, Terminal):
                    refused.add(each.hub)
                why = error.message if isinstance(error, RotationError) else f"not answered within {_SECONDS:g} s"
                await _store(run, each.failed(why))
            else:
                await _store(run, each.succeeded())
    return None


async def _is_rejected(run: RunContext, key: AccessKey) -> bool:
    """Whether SignalR is seen to reject the replaced key before the effect window ends.

    Where a worker before regenerated it, its value is not known any more. Then SignalR accepts the key that took its
    place in the same slot: that is what it is seen by.
    """
    asked, expected = (run.replaced, Verdict.REJECTED) if run.replaced else (key, Verdict.ACCEPTED)
    clock, looks = run.services.clock, 0
    deadline = clock() + timedelta(seconds=run.services.effect_seconds)
    while looks < _LOOKS:
        looks = looks + 1 if await run.services.probe.probe(asked) is expected else 0
        if looks:
            continue
        if clock() >= deadline:
            return False
        await asyncio.sleep(look_again_seconds(run.services))
    return True


async def _give_up(run: RunContext, why: str) -> None:
    for each in still_open(run.journal.closings):
        await _store(run, each.failed(why))


async def _store(run: RunContext, closing: HubClosing) -> None:
    await run.leased.update(run.journal.with_closing(closing))
    log_fields = run.leased.log_fields | {"hub": closing.hub}
    if closing.closed:
        log.info("connections closed", extra=log_fields)
    else:
        log.warning("connections not closed", extra=log_fields | {"why": closing.message})
