"""The steps of one rotation, in the only order there is: regenerate, prove, publish, announce, close.

Each step asks first whether it is already done, so that a journal can be picked up anywhere, by anyone, any number of
times.
"""

import logging

from shared.adapters.blob_records import LeasedRecord
from shared.domain import events
from shared.domain.errors import KeyRejected, KeyUnchanged, OperationFailed, RotationError, SaltOutcomeUnknown, Terminal
from shared.domain.keys import KeyPair
from shared.domain.policy import Policy
from shared.domain.record import Kind, Outcome, Result, Step
from shared.domain.resources import Resource
from shared.observability import telemetry
from shared.rotation import outbox
from shared.rotation.ports import Services
from shared.rotation.publish import Publication
from shared.rotation.regenerate import Abandoned, Regeneration

log = logging.getLogger("rotation")

_SETTLED = (KeyRejected, KeyUnchanged, OperationFailed)


class Run:
    """Carries the open journal of `held` to its end. `keys` are those just read, if they were.

    `resumed`: the journal was found open, and whoever opened it may have done more than it says.
    """

    def __init__(
        self,
        services: Services,
        held: LeasedRecord,
        resource: Resource,
        policy: Policy,
        keys: KeyPair,
        *,
        resumed: bool,
    ) -> None:
        self._to = services
        self._held = held
        self._resource = resource
        self._policy = policy
        self._resumed = resumed
        self._regeneration = Regeneration(services, held, resource, policy, keys)
        self._publication = Publication(services, held, resource, policy, self._regeneration)

    async def finish(self) -> Outcome:
        """Do what is left to do, and close the journal.

        A `Terminal` failure is recorded, announced and given as the outcome; the journal stays open if a key has
        changed, so that the next run goes on from there. `Retryable` failures are raised, the journal stays open.
        """
        with telemetry.rotating(self._held):
            outcome = await self._carried_out()
        telemetry.ended(outcome)
        return outcome

    async def _carried_out(self) -> Outcome:
        held = self._held
        try:
            if self._held.journal.kind is Kind.SALT:
                self._respect_switches()
                with telemetry.step("regenerate", held):
                    await self._regeneration.salt()
            elif self._held.journal.step in {Step.PLANNED, Step.REGENERATED} and not await self._was_published():
                self._respect_switches()
                key = await self._regeneration.proven_key()
                if self._held.journal.kind is not Kind.RETIRE:
                    with telemetry.step("publish", held):
                        await self._publication.publish(key)
            with telemetry.step("announce", held):
                await self._announce()
        except Abandoned:
            return await self._close(Result.ABANDONED)
        except Terminal as error:
            return await self._fail(error)
        return await self._close(Result.SUCCEEDED)

    async def _was_published(self) -> bool:
        return self._resumed and self._held.journal.kind is not Kind.RETIRE and await self._publication.was_made()

    def _respect_switches(self) -> None:
        """Raise `Abandoned` where an operator has said stop before a key was touched."""
        if (self._policy.paused or self._resource.local_auth_disabled) and not self._held.journal.touched:
            raise Abandoned

    async def _announce(self) -> None:
        journal = self._held.journal
        if journal.step is Step.ANNOUNCED:
            return
        # That the lease is ours was proven a moment ago, and telling twice is telling once: the id is the same.
        await self._to.topic.announce(
            events.KINDS[journal.kind],
            rotation_id=journal.rotation_id,
            source=str(self._resource.id),
            subject=self._policy.secret_name,
            time=max(journal.times.values()),
            data=events.done(journal, str(self._resource.id), self._policy),
        )
        # Written down with the outcome: after a crash in between it is told once more.
        self._held.stage(self._held.record.with_journal(journal.announced(self._to.clock())))
        log.info("rotation announced", extra=self._held.log_fields)

    async def _fail(self, error: Terminal) -> Outcome:
        """Tell, then write down. The other way round, a crash in between would leave it untold."""
        journal = self._held.journal
        await outbox.announce_failure(
            self._to.topic, error, self._resource.id, journal, subject=self._policy.secret_name
        )
        log.error("rotation failed", extra=self._held.log_fields | {"code": error.code, "failed_step": error.step})
        result = Result.UNKNOWN if isinstance(error, SaltOutcomeUnknown) else Result.FAILED
        return await self._close(result, error)

    async def _close(self, result: Result, error: RotationError | None = None) -> Outcome:
        journal, facts = self._held.journal, self._held.log_fields
        why = {"code": error.code, "message": error.message} if error else {}
        outcome = Outcome.of(journal, result, self._to.clock(), **why)
        # A key that has changed, or may have, is worth finishing. After a settled error there is nothing to finish.
        touched = journal.touched or self._publication.added
        unfinished = result is Result.FAILED and touched and not isinstance(error, _SETTLED)
        record = self._held.record
        if result is Result.SUCCEEDED and journal.kind is Kind.RETIRE and record.snapshot and journal.slot:
            record = record.with_snapshot(record.snapshot.with_retired(journal.slot, journal.after))
        await self._held.write(record.with_outcome(outcome, close_journal=not unfinished))
        if result is not Result.FAILED:
            log.info("rotation closed", extra=facts | {"result": result.value})
        return outcome
