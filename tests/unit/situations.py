"""The words of the decision table: which situations and which requests a row is about."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from shared.domain.connection_strings import Shape
from shared.domain.keys import KeyType, SecretFormat, Slot
from shared.domain.observation import Observation, PublishedSecret, RejectedKey, Retirement
from shared.domain.policy import Policy
from shared.domain.requests import Mode, WorkItem

NOW = datetime(2026, 6, 1, tzinfo=UTC)
POLICY = Policy(timedelta(days=60), timedelta(hours=24), "https://vault", "chat", SecretFormat.CONNECTION_STRING)
LIVE = {Slot.PRIMARY: "one", Slot.SECONDARY: "two"}


@dataclass(frozen=True)
class Situation:
    """One situation. What follows from it is found out once, for all requests."""

    observation: Observation
    policy: Policy

    @cached_property
    def valid(self) -> bool:
        return self.observation.published_slot is not None

    @cached_property
    def newest(self) -> PublishedSecret:
        assert self.observation.published
        return self.observation.published

    @cached_property
    def since(self) -> datetime:
        known = self.observation.publication
        same = known is not None and known.fingerprint == self.newest.fingerprint
        return min(known.since, self.newest.since) if known and same else self.newest.since

    @cached_property
    def slot(self) -> Slot:
        assert self.observation.published_slot
        return self.observation.published_slot

    @cached_property
    def retirement(self) -> Retirement | None:
        asked = self.observation.promised or self.newest.retirement
        return asked if asked and asked.fingerprint == LIVE[self.slot.other] else None

    @cached_property
    def known(self) -> Slot | None:
        """The slot of the last known publication; never one whose key is to be retired."""
        known = self.observation.publication
        slot = next((slot for slot, key in LIVE.items() if known and key == known.fingerprint), None)
        return self.unretired(slot) if slot else None

    @cached_property
    def named(self) -> Slot:
        known = self.observation.publication
        slot = next((slot for slot, key in LIVE.items() if known and key == known.fingerprint), None)
        named = slot or self.newest.slot_hint or Slot.PRIMARY
        late = self.observation.rejected
        unaccepted = late is not None and late.slot is named and not self.observation.accepted.get(named)
        return self.unretired(named.other if unaccepted else named)

    @cached_property
    def late(self) -> RejectedKey | None:
        late = self.observation.rejected
        return late if late and self.valid and late.slot is not self.slot else None

    @cached_property
    def rejected(self) -> bool:
        return self.valid and self.observation.accepted.get(self.slot) is False

    @cached_property
    def rejected_twice(self) -> bool:
        suspect = self.observation.suspect
        known = suspect is not None and suspect.fingerprint == self.newest.fingerprint
        return self.rejected and known and suspect.at <= NOW - timedelta(minutes=15)

    @cached_property
    def scheduled(self) -> bool:
        return self.retirement is not None and self.retirement.by_policy

    def accepted(self, slot: Slot) -> bool:
        return self.observation.accepted.get(slot, False)

    def unretired(self, slot: Slot) -> Slot:
        tagged = self.observation.published.retirement if self.observation.published else None
        asked = next((r for r in (self.observation.promised, tagged) if r and r.fingerprint in LIVE.values()), None)
        return slot.other if asked and LIVE[slot] == asked.fingerprint else slot

    @cached_property
    def free(self) -> datetime:
        overlap = self.since + POLICY.overlap
        asked = self.retirement and not self.retirement.by_policy
        return max(overlap, self.retirement.after) if self.retirement and asked else overlap

    @cached_property
    def due(self) -> datetime:
        return self.since + POLICY.period - self.policy.spread

    @cached_property
    def closed(self) -> bool:
        return self.policy.window is not None and not self.policy.window.is_open(NOW)

    def asked(self, request: WorkItem) -> "Case":
        """A request in this situation."""
        case = Case(self.observation, self.policy, request)
        vars(case).update(vars(self))
        return case


@dataclass(frozen=True)
class Case(Situation):
    """One situation and one request."""

    request: WorkItem


SITUATIONS: dict[str, Callable[[Situation], bool]] = {
    "any": lambda _: True,
    "journal open": lambda case: case.observation.run_open,
    "being changed": lambda case: case.observation.provisioning_state == "Updating",
    "local auth disabled": lambda case: case.observation.local_auth_disabled,
    "paused": lambda case: case.observation.paused,
    "newest version disabled": lambda case: (
        case.observation.published is not None and not case.observation.published.enabled
    ),
    "secret not ours": lambda case: not case.observation.owned,
    "value not understood": lambda case: case.observation.published is not None and case.newest.shape is Shape.UNKNOWN,
    "value without a key": lambda case: case.observation.published is not None and case.newest.shape is Shape.IDENTITY,
    "value that consumers reject": lambda case: case.valid and bool(case.newest.fault),
    "no secret, known key valid": lambda case: case.observation.published is None and case.known is not None,
    "revoked key published": lambda case: (
        case.valid
        and case.observation.promised is not None
        and case.newest.fingerprint == case.observation.promised.fingerprint
    ),
    "older key under a new name": lambda case: (
        case.valid
        and case.observation.publication is not None
        and case.observation.publication.secret_name != case.policy.secret_name
        and case.newest.since < (case.observation.publication.written_at or case.observation.publication.since)
        and case.known is case.slot.other
    ),
    "no secret, Primary to be retired": lambda case: (
        case.observation.published is None and case.unretired(Slot.PRIMARY) is not Slot.PRIMARY
    ),
    "no secret, Secondary to be retired": lambda case: (
        case.observation.published is None and case.unretired(Slot.SECONDARY) is not Slot.SECONDARY
    ),
    "no secret, unknown word": lambda case: case.observation.published is None and bool(case.policy.unknown_word),
    "no secret, published key gone": lambda case: (
        case.observation.published is None and case.observation.publication is not None and case.known is None
    ),
    "no secret": lambda case: case.observation.published is None,
    "published key dead": lambda case: case.observation.published is not None and not case.valid,
    "retirement due": lambda case: case.valid and case.retirement is not None and case.retirement.after <= NOW,
    "scheduled retirement due, window closed": lambda case: (
        case.valid
        and case.closed
        and case.retirement is not None
        and case.retirement.by_policy
        and case.retirement.after <= NOW
    ),
    "retirement due, neither key accepted": lambda case: (
        SITUATIONS["retirement due"](case) and case.rejected and not case.accepted(case.slot.other)
    ),
    "retirement due, neither key accepted by two sweeps": lambda case: (
        SITUATIONS["retirement due"](case) and case.rejected_twice and not case.accepted(case.slot.other)
    ),
    "scheduled retirement due, published key rejected": lambda case: (
        SITUATIONS["retirement due"](case) and case.rejected and case.scheduled
    ),
    "scheduled retirement due, published key rejected by two sweeps": lambda case: (
        SITUATIONS["retirement due"](case) and case.rejected_twice and case.scheduled
    ),
    "retirement seen to take effect": lambda case: (
        case.observation.unconfirmed is not None and case.accepted(case.observation.unconfirmed)
    ),
    "not due, retirement not seen to take effect": lambda case: (
        case.valid and case.due > NOW and case.observation.unconfirmed is not None
    ),
    "published key rejected": lambda case: case.rejected,
    "published key rejected by two sweeps": lambda case: case.rejected_twice,
    "published key rejected by two sweeps, O accepted": lambda case: (
        case.rejected_twice and case.accepted(case.slot.other) and (case.retirement is None or case.scheduled)
    ),
    "late key": lambda case: case.late is not None and case.late.at + timedelta(days=1) > NOW,
    "late key accepted": lambda case: case.late is not None and case.accepted(case.late.slot),
    "late key of a revocation accepted": lambda case: (
        case.late is not None and case.late.retire and case.accepted(case.late.slot)
    ),
    "late key of a revocation": lambda case: case.late is not None and case.late.retire and not case.late.by_policy,
    "late key of a revocation, for a day": lambda case: (
        SITUATIONS["late key of a revocation"](case) and case.late.at + timedelta(days=1) <= NOW
    ),
    "retirement pending": lambda case: case.valid and case.retirement is not None,
    "unknown word": lambda case: bool(case.policy.unknown_word),
    "not due": lambda case: case.valid and case.due > NOW,
    "window closed": lambda case: case.closed,
    "O still in use": lambda case: case.valid and case.free > NOW,
}
# Situations that the request is a part of.
MEETINGS: dict[str, Callable[[Case], bool]] = {
    "on hold": lambda case: case.request.standstill is not None and case.request.standstill.code == "OnHold",
    "in a later wave": lambda case: case.request.standstill is not None and case.request.standstill.code == "LaterWave",
    "replaced since asked": lambda case: (
        case.valid and case.newest.kind_hint == "rotate" and case.newest.since > case.request.requested_at
    ),
}
REQUESTS: dict[str, Callable[[Case], bool]] = {
    "any": lambda _: True,
    **{mode.value: lambda case, mode=mode: case.request.mode is mode for mode in Mode},
    "forced": lambda case: case.request.force,
    "not forced": lambda case: not case.request.force,
    "not rotate or not forced": lambda case: case.request.mode is not Mode.ROTATE or not case.request.force,
    "no keyType": lambda case: case.request.key_type is None,
    "keyType S": lambda case: case.valid and case.request.slot is case.observation.published_slot,
    "by name": lambda case: case.request.mode in {Mode.ROTATE, Mode.REVOKE},
    "not keyType S": lambda case: not REQUESTS["keyType S"](case),
    "keyType Primary": lambda case: case.request.key_type is KeyType.PRIMARY,
    "keyType Salt": lambda case: case.request.key_type is KeyType.SALT,
}


@dataclass(frozen=True)
class Row:
    """A row of the table, in its words."""

    situation: str
    request: str
    action: str

    @cached_property
    def words(self) -> list[Callable[[Case], bool]]:
        """What has to be true of a request, in a situation that fits."""
        meeting = [MEETINGS[self.situation]] if self.situation in MEETINGS else []
        return meeting + [REQUESTS[word.strip()] for word in self.request.split(",")]

    def may_fit(self, situation: Situation) -> bool:
        """Whether the row is about this situation, at least with some request."""
        return self.situation in MEETINGS or SITUATIONS[self.situation](situation)

    def fits(self, case: Case) -> bool:
        """Whether a row that may fit the situation is about this request in it."""
        return all(word(case) for word in self.words)
