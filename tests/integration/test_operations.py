"""What a caller reads of its request: an operation that has ended stays as it is, and one that goes on does not end."""

from dataclasses import dataclass

from shared.domain.errors import Busy
from shared.domain.operation import Operation
from shared.domain.record import Outcome, Result
from shared.domain.requests import Mode, WorkItem
from shared.domain.resources import ResourceId
from shared.http.responses import OperationStatus
from shared.rotation.ports import OperationStore
from tests.integration.engine import Engine


async def accepted(engine: Engine, **wish: object) -> WorkItem:
    """A request as the worker finds it: its operation is open."""
    item = engine.asks(**wish)
    await engine.app.services.operations.open(item)
    return item


async def status(engine: Engine, item: WorkItem) -> OperationStatus:
    found = await engine.app.rotations.status(item.rotation_id)
    assert found
    return OperationStatus.of(found)


@dataclass
class WhileClosing:
    """The app's operations, and a sweep that comes before the first of them is closed: storage is slow."""

    store: OperationStore
    engine: Engine
    refused: bool | None = None

    async def close(self, resource: ResourceId, outcome: Outcome, *, opened: bool = True) -> Operation:
        if self.refused is None:
            self.refused = False
            sweep = self.engine.asks(Mode.SWEEP, tracked=False).model_copy(update={"expected": True})
            try:
                await self.engine.works(sweep)
            except Busy:
                self.refused = True
        return await self.store.close(resource, outcome, opened=opened)

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)


async def test_a_run_that_goes_on_is_running_with_its_last_error_as_a_note(engine: Engine) -> None:
    """The key has changed and could not be published: that is not the end, the next sweep publishes it."""
    engine.azure.fault("KeyVault.setSecret", status=403, times=1)
    item = await accepted(engine)

    await engine.works(item)

    told = await status(engine, item)
    assert told.note
    assert ("Running", "NotPermitted", None, None) == (told.status, told.note.code, told.error, told.end_time)


async def test_a_run_that_went_on_ends_once(engine: Engine) -> None:
    engine.azure.fault("KeyVault.setSecret", status=403, times=1)
    item = await accepted(engine)
    await engine.works(item)

    await engine.sweep()

    told = await status(engine, item)
    assert ("Succeeded", None) == (told.status, told.error)


async def test_giving_up_and_finishing_at_once_tell_one_story(engine: Engine) -> None:
    """The poison function gives up; before its operation is stored, a sweep would finish the rotation."""
    engine.azure.fault("KeyVault.setSecret", cut="before-effect")
    item = await accepted(engine)
    await engine.app.worker.work(item)
    vars(engine.app.services)["operations"] = WhileClosing(engine.app.services.operations, engine)

    await engine.app.worker.dead_letter(item)
    await engine.sweep()

    told, record = await status(engine, item), await engine.record()
    assert record
    ended = next(each for each in record.history if each.rotation_id == item.rotation_id)
    assert ("Succeeded", Result.SUCCEEDED, "KeyRotated") == (told.status, ended.result, engine.told[-1])


async def test_an_operation_is_closed_while_its_worker_has_the_lease(engine: Engine) -> None:
    """A sweep that comes in between gets no lease: nothing else can be recorded than what the caller reads."""
    engine.azure.fault("SignalR.regenerateKey", status=403, resource=engine.resource, times=1)
    item = await accepted(engine)
    slow = WhileClosing(engine.app.services.operations, engine)
    vars(engine.app.services)["operations"] = slow

    await engine.works(item)

    assert (True, "Failed", []) == (slow.refused, (await status(engine, item)).status, engine.changes)


async def test_what_has_ended_is_not_begun_again(engine: Engine) -> None:
    """Its caller has read that it failed: the message that comes late changes nothing."""
    item = await accepted(engine, force=True)
    failed = Outcome(
        rotation_id=item.rotation_id,
        result=Result.FAILED,
        code="NeverStarted",
        trigger=item.trigger,
        requested_at=item.requested_at,
        ended_at=item.requested_at,
    )
    await engine.app.services.operations.close(item.resource_id, failed)

    outcome = await engine.works(item)

    assert (failed, []) == (outcome, engine.changes)


async def test_a_wait_for_a_run_that_goes_on_ends_without_a_verdict(engine: Engine) -> None:
    """`Prefer: wait`: the time is up, and the rotation still runs."""
    engine.azure.fault("KeyVault.setSecret", status=403, times=1)
    item = await accepted(engine)
    await engine.works(item)

    [found] = await engine.app.rotations.wait_for([item.rotation_id], seconds=0.1)

    assert (False, "Running") == (found.final, OperationStatus.of(found).status)


async def test_a_resync_that_a_pre_check_answers_keeps_its_first_answer(engine: Engine) -> None:
    await engine.sweep()
    item = await accepted(engine, mode=Mode.RESYNC)
    first = await engine.works(item)

    again = await engine.works(item)

    assert first == again
