"""Getting a new key, and proof that it works: the steps in which ARM is asked to change something.

A call whose answer is lost may have changed the key. So no answer is believed, nor the lack of one: the keys are read
again, and their fingerprints tell.
"""

import asyncio
import logging
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Literal, assert_never

from shared.domain.errors import (
    KeyRejected,
    KeyUnchanged,
    MissingNow,
    NotFound,
    OperationFailed,
    OperationRunning,
    OperationUnanswered,
    RotationError,
    SaltOutcomeUnknown,
    ServiceRejectsKeys,
    Throttled,
)
from shared.domain.journal import Journal, Kind, Step
from shared.domain.keys import AccessKey, KeyPair, KeyType, Slot
from shared.domain.observation import PublishedSecret
from shared.observability import telemetry
from shared.rotation.ports import Ending, Permit, Regenerated, Verdict, look_again_seconds
from shared.rotation.repair_meanwhile import repair_meanwhile
from shared.rotation.run_context import Abandoned, RunContext
from shared.rotation.verdicts import both_rejected, is_rejected

log = logging.getLogger("rotation")

_LOOKS = 5  # at a new key that SignalR does not accept yet, before ARM is asked for it
MOST_ATTEMPTS = 2  # an operation that left the key as it was is asked for once more, then given up
MOST_UNANSWERED = 3  # regenerations whose answer was lost, until the key changes or ARM answers
OPERATION_PATIENCE = timedelta(hours=1)  # for an operation to end, and for a lost request to be carried out after all
_CLOSED_LOOKS = 2
_PAUSE_SECONDS = (30.0, 300.0)


class Situation(Enum):
    """What an unchanged key means."""

    MAY_STILL_TAKE_EFFECT = auto()
    MAY_STILL_RUN = auto()
    TO_BE_REGENERATED = auto()
    TRIED_ENOUGH = auto()


def situation(journal: Journal, now: datetime, *, operation_failed: bool, effect_seconds: float) -> Situation:
    """What to make of a key that is still the one to be replaced."""
    if journal.running:
        return Situation.MAY_STILL_RUN if now < _settled_at(journal) else Situation.TRIED_ENOUGH
    deadline = journal.sent_at + timedelta(seconds=effect_seconds) if journal.sent_at else now
    if journal.unrefused and not operation_failed and now < deadline:
        return Situation.MAY_STILL_TAKE_EFFECT
    if journal.unanswered:
        if now < _settled_at(journal):
            return Situation.MAY_STILL_RUN
        return Situation.TRIED_ENOUGH if journal.unanswered >= MOST_UNANSWERED else Situation.TO_BE_REGENERATED
    return Situation.TRIED_ENOUGH if journal.unrefused >= MOST_ATTEMPTS else Situation.TO_BE_REGENERATED


def _settled_at(journal: Journal) -> datetime:
    """From when on the last regeneration counts as over. After each that was not answered it takes twice as long."""
    if journal.sent_at is None:
        raise AssertionError("nothing was sent")
    factor: int = 2 ** max(0, journal.unanswered - 1)
    return journal.sent_at + OPERATION_PATIENCE * factor


async def verified_key(run: RunContext) -> AccessKey:
    """The valid key of the journal's slot: regenerated, unless publishing is all that was asked, and verified.

    Raises `Abandoned`, `KeyUnchanged`, `OperationFailed`, `KeyRejected`, `ServiceRejectsKeys`, and what the ports
    raise.
    """
    keys = await run.read_keys()
    if run.journal.kind is not Kind.PUBLISH:
        with telemetry.step("regenerate", lambda: run.journal):
            keys = await _regenerated(run, keys)
    with telemetry.step("verify", lambda: run.journal):
        return await _verified(run, keys[run.slot])


async def regenerate_salt(run: RunContext) -> None:
    """Regenerate the salt. It leaves no trace to compare: after a lost answer it is not repeated.

    Raises `SaltOutcomeUnknown`, `OperationFailed`, and what the port raises.
    """
    name = run.resource.id.name
    if run.journal.step is not Step.PLANNED:
        return
    if run.journal.unrefused:
        raise SaltOutcomeUnknown(name)
    with await run.services.signalr.permit(run.resource.id) as permit:
        done = await _send(run, KeyType.SALT, permit)
    match done.ending:
        case Ending.UNKNOWN | Ending.RUNNING:
            raise SaltOutcomeUnknown(name, done.needs)
        case Ending.FAILED:
            raise OperationFailed(f"ARM's operation on {name} failed; look at its activity log", step="regenerate")
        case Ending.SUCCEEDED:
            await run.leased.update(run.journal.regenerated(run.services.clock()))
        case _:
            assert_never(done.ending)


async def _regenerated(run: RunContext, keys: KeyPair) -> KeyPair:
    slot, failed = run.slot, False
    _expect_premises(run.journal, keys)
    run.replaced = keys[slot] if keys[slot].fingerprint == _replaced(run.journal) else None
    while keys[slot].fingerprint == _replaced(run.journal):
        confirmed = None
        match situation(
            run.journal,
            run.services.clock(),
            operation_failed=failed,
            effect_seconds=run.services.effect_seconds,
        ):
            case Situation.MAY_STILL_TAKE_EFFECT:
                await asyncio.sleep(_read_again_seconds(run))
            case Situation.MAY_STILL_RUN:
                await repair_meanwhile(run, keys)
                raise _not_over(run)
            case Situation.TRIED_ENOUGH:
                await repair_meanwhile(run, keys)
                raise _tried_enough(run, failed=failed)
            case Situation.TO_BE_REGENERATED:
                done = await _attempt(run, keys)
                failed = done.ending is Ending.FAILED
                confirmed = await _confirmed(run, keys, done.shown)
            case never:
                assert_never(never)
        keys = confirmed or await run.read_keys()
    journal, new = run.journal, keys[slot].fingerprint
    if journal.step is Step.PLANNED or journal.after != new:
        now = run.services.clock()
        shown = new == run.verified  # by ARM's answer, and SignalR has accepted it since
        known = journal.verified_by("dataplane", new, now) if shown else journal
        run.leased.stage(run.leased.record.with_journal(known.regenerated(now, new)))
        if not shown:  # until SignalR accepts it, minutes may pass
            await run.leased.save()
        log.info("key regenerated", extra=run.leased.log_fields)
        if shown:
            _log_verified(run)
    if keys[slot.other].fingerprint != journal.before[slot.other]:
        # Another caller regenerated the other key. If it was the published one, publishing ours is what heals that.
        log.warning("other key changed too", extra=run.leased.log_fields)
    return keys


async def _confirmed(run: RunContext, keys: KeyPair, shown: AccessKey | None) -> KeyPair | None:
    """The keys with the new one as ARM's answer showed it, once SignalR accepts it.

    `listKeys` draws on ARM's write budget, which is what limits a large fleet; the data plane has no such limit.
    None where it can't be told so: ARM has to be asked.
    """
    if shown is None or shown.fingerprint == _replaced(run.journal):
        return None
    for _ in range(_LOOKS):
        if (verdict := await _verdict(run, shown)) is not Verdict.REJECTED:
            break
        await asyncio.sleep(look_again_seconds(run.services))
    if verdict is not Verdict.ACCEPTED:
        return None
    run.verified = shown.fingerprint
    other = keys[run.slot.other]
    return KeyPair(shown, other) if run.slot is Slot.PRIMARY else KeyPair(other, shown)


async def _verdict(run: RunContext, key: AccessKey) -> Verdict:
    """What SignalR says of a key. Accepted: twice in a row, on two connections, where a random key is rejected."""
    probe = run.services.probe
    if (verdict := await probe.probe(key)) is not Verdict.ACCEPTED:
        return verdict
    run.discriminates = run.discriminates or await probe.discriminates(key.endpoint)
    return await probe.probe(key) if run.discriminates else Verdict.UNREACHABLE


async def _attempt(run: RunContext, keys: KeyPair) -> Regenerated:
    """Send the POST, having made sure that no client needs the key, and that it was not opted out meanwhile."""
    if run.departed and not run.journal.is_promised:
        raise Abandoned
    # The permit first, before all that must be true when the POST is sent: waiting for it takes time.
    with await run.services.signalr.permit(run.resource.id) as permit:
        newest = await run.services.secrets.newest(run.policy.vault_url, run.policy.secret_name)
        if not _still_right(run.journal, newest, keys):
            raise Abandoned
        try:
            return await _send(run, KeyType(run.slot), permit)
        except Throttled:  # at ARM's door: asking for the keys would only be throttled as well
            raise
        except RotationError:
            # A refusal, if the key, read again, is what it was.
            if (await run.read_keys())[run.slot].fingerprint == _replaced(run.journal):
                raise
            return Regenerated(Ending.UNKNOWN)


async def _send(run: RunContext, key_type: KeyType, permit: Permit) -> Regenerated:
    # ARM's POST cannot carry the lease id. So the lease must outlive it. That it is sent is stored first, and under
    # the lease: the next worker must know that the key may have changed, and one that lost the lease stops here.
    await run.leased.prolong()
    await run.leased.update(run.journal.sending(run.services.clock()))
    timeout = run.leased.timeout_seconds
    try:
        done = await run.services.signalr.regenerate(run.resource.id, key_type, permit=permit, timeout_seconds=timeout)
    except RotationError as error:
        await run.leased.update(run.journal.rejected_by_arm())
        if isinstance(error, NotFound):
            raise MissingNow(run.resource.id.name, "regenerate") from None
        raise
    match done.ending:
        case Ending.UNKNOWN:
            pass
        case Ending.RUNNING:
            await run.leased.update(run.journal.accepted_by_arm(ended=False))
        case Ending.SUCCEEDED | Ending.FAILED:  # stored with what the key turns out to be
            run.leased.stage(run.leased.record.with_journal(run.journal.accepted_by_arm(ended=True)))
        case _:
            assert_never(done.ending)
    return done


async def _verified(run: RunContext, key: AccessKey) -> AccessKey:
    """See SignalR accept the key. Where it can't be asked until the effect window ends, ARM must show the key again.

    A network rule or an unknown name will not change within the window: two such looks are enough to turn to ARM.
    """
    if key.fingerprint == run.verified:
        return key
    late = run.leased.record.rejected
    clock, closed, rejected = run.services.clock, 0, late.fingerprint if late else ""
    deadline = clock() + timedelta(seconds=run.services.effect_seconds)
    read_at = clock() + timedelta(seconds=_read_again_seconds(run))
    while (verdict := await _verdict(run, key)) is not Verdict.ACCEPTED:
        closed = closed + 1 if verdict is Verdict.CLOSED else 0
        rejected = key.fingerprint if verdict is Verdict.REJECTED else rejected
        over = clock() >= deadline
        if over or closed >= _CLOSED_LOOKS or clock() >= read_at:
            read_at = clock() + timedelta(seconds=_read_again_seconds(run))
            keys = await run.read_keys()
            again = keys[run.slot]
            unseen = again.fingerprint == key.fingerprint != rejected
            if unseen and (over or closed >= _CLOSED_LOOKS):
                break
            if again.fingerprint != _replaced(run.journal):  # ARM's replicas may disagree for a moment
                key = again
            if over:
                raise await _rejected(run, key, keys[run.slot.other])
        await asyncio.sleep(look_again_seconds(run.services))
    witness: Literal["dataplane", "arm"] = "dataplane" if verdict is Verdict.ACCEPTED else "arm"
    await run.leased.update(run.journal.verified_by(witness, key.fingerprint, clock()))
    _log_verified(run)
    return key


def _log_verified(run: RunContext) -> None:
    log.info("key verified", extra=run.leased.log_fields | {"by": run.journal.verified})


def _read_again_seconds(run: RunContext) -> float:
    """How often ARM is asked for the keys meanwhile: a few times in a window, for each draws on its write budget."""
    return max(look_again_seconds(run.services), run.services.effect_seconds / 6)


def _replaced(journal: Journal) -> str | None:
    """The fingerprint of the key that must not come back."""
    return None if journal.kind is Kind.PUBLISH or journal.slot is None else journal.before[journal.slot]


def _expect_premises(journal: Journal, keys: KeyPair) -> None:
    """Raise `Abandoned` if the keys are not those that were decided on, and it was not this journal's doing."""
    # After a refusal too, a change of our slot counts as ours: a second one could never be taken back.
    others = [slot for slot in Slot if not (slot is journal.slot and journal.attempts)]
    if not journal.unrefused and any(keys[slot].fingerprint != journal.before[slot] for slot in others):
        raise Abandoned


def _still_right(journal: Journal, newest: PublishedSecret | None, keys: KeyPair) -> bool:
    """Whether the secret is still the one that was decided on, and does not hold the key to be regenerated."""
    if (newest.version if newest else None) != journal.previous_version or journal.slot is None:
        return False
    published_here = newest is not None and newest.fingerprint == keys[journal.slot].fingerprint
    return journal.in_place or not published_here


def _not_over(run: RunContext) -> OperationRunning:
    journal = run.journal
    left = (_settled_at(journal) - run.services.clock()).total_seconds()
    least, most = _PAUSE_SECONDS
    what = "is not known to have ended" if journal.running else "was not answered"
    return OperationRunning(
        f"the regeneration of {run.slot} on {run.resource.id.name}, sent at {journal.sent_at:%H:%M} UTC, {what}: "
        f"none is sent beside it until {_settled_at(journal):%H:%M} UTC",
        step="regenerate",
        retry_after=min(max(left, least), most),
    )


async def _rejected(run: RunContext, key: AccessKey, other: AccessKey) -> KeyRejected | ServiceRejectsKeys:
    if run.journal.kind is Kind.ROTATE and key.fingerprint != run.journal.after:
        run.leased.stage(run.leased.record.with_journal(run.journal.regenerated(run.services.clock(), key.fingerprint)))
    published = run.leased.record.publication
    if published and published.fingerprint == other.fingerprint and await is_rejected(run.services, other):
        return both_rejected(run.services, run.resource.id.name, other.fingerprint)
    off = run.services.probe.clock_error_seconds
    clock = f"; this worker's clock is {abs(off):g} s {'ahead of' if off > 0 else 'behind'} Azure's" if off else ""
    left = "It was not published; the published key is unchanged"
    if run.journal.kind is Kind.RETIRE:
        left = "Until it accepts it, the leaked or replaced key may be valid; KeyRetired is sent when it does"
    return KeyRejected(
        f"SignalR still rejects the {run.slot} key of {run.resource.id.name} {run.services.effect_seconds:g} s after "
        f"its regeneration{clock}. {left}",
        step="verify",
    )


def _tried_enough(run: RunContext, *, failed: bool) -> OperationFailed | OperationUnanswered | KeyUnchanged:
    name = run.resource.id.name
    if run.journal.running:
        return OperationFailed(
            f"ARM's operation on {name} has not ended within an hour; look at its activity log", step="regenerate"
        )
    if run.journal.unanswered:
        return OperationUnanswered(
            f"ARM was asked {run.journal.unanswered} times to regenerate {run.slot} on {name} and never answered, and "
            "the key did not change. It is not asked again until the key changes: regenerate that key in the portal, "
            "and it is published",
            step="regenerate",
        )
    if failed:
        return OperationFailed(f"ARM's operation on {name} failed twice; look at its activity log", step="regenerate")
    return KeyUnchanged(
        f"ARM was asked twice to regenerate {run.slot} on {name}, but the key did not change; "
        "regenerate it in the portal or open a support request",
        step="regenerate",
    )
