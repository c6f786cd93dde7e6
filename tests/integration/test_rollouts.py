"""The state that all workers share, in its blob: answers that are lost, and a worker that has read nothing yet."""

from datetime import timedelta
from typing import Any

import pytest

from shared.adapters import blob_rollout
from shared.adapters.blob_container import Exists, replace
from shared.domain.resources import ResourceId
from shared.rotation.rollout import Rollouts
from tests.faults.others import fails, scheduled
from tests.integration.engine import Engine


def named(name: str) -> ResourceId:
    return ResourceId("0e0e0e0e-0000-4000-8000-0000000000aa", "live", name)


async def others_fail(engine: Engine, times: int) -> None:
    """Scheduled rotations of other resources fail on another worker."""
    for number in range(times):
        await fails(Rollouts(engine.app.services), named(f"other{number}"), engine.app.services.clock())


async def test_a_resume_whose_answer_was_lost_says_that_it_ended_the_hold(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blob is written and the answer lost: azure-core sends it again, and is told that the ETag is another one."""
    await others_fail(engine, 3)
    lost = iter([True])

    async def answered(*args: Any) -> None:
        await replace(*args)
        if next(lost, False):
            raise Exists

    monkeypatch.setattr(blob_rollout, "replace", answered)

    ended = await Rollouts(engine.app.services).resume(by="an operator")

    assert ended is not None
    assert 3 == len(ended.failures)
    state = await engine.app.services.rollouts.read()
    assert state.held(engine.app.services.clock() + timedelta(minutes=1)) is None


async def test_a_resumed_run_counts_its_success_though_its_worker_knew_of_no_failure(engine: Engine) -> None:
    worker = Rollouts(engine.app.services)
    await worker.read()
    await others_fail(engine, 2)

    await worker.succeeded(scheduled(named("mine"), engine.app.services.clock()), resumed=True)

    assert () == (await engine.app.services.rollouts.read()).failures
