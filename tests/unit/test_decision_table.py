"""The decision table says what `decide` does: each row's words are read here, and held against the function."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, product

from shared.domain.connection_strings import Shape
from shared.domain.decision import (
    Action,
    Publish,
    Refuse,
    RegenerateSalt,
    Resume,
    Retire,
    Rotate,
    Skip,
    Wait,
    decide,
)
from shared.domain.keys import KeyType, SecretFormat, Slot
from shared.domain.observation import Observation, Publication, PublishedSecret, RejectedKey, Retirement
from shared.domain.policy import Policy
from shared.domain.requests import Mode, WorkItem
from shared.domain.rotation_window import rotation_window
from tests.unit.verdicts import observations
from tests.world import ROOT

NOW = datetime(2026, 6, 1, tzinfo=UTC)
POLICY = Policy(timedelta(days=60), timedelta(hours=24), "https://vault", "chat", SecretFormat.CONNECTION_STRING)
# NOW is a Monday. A window that is closed gives way to one that is open, and to none.
POLICIES = (
    POLICY,
    replace(POLICY, window=rotation_window("Mon 00:00-12:00 UTC"), spread=timedelta(hours=12)),
    replace(POLICY, retire_after=timedelta(days=3)),
    replace(POLICY, retire_after=timedelta(days=3), window=rotation_window("Tue 09:00-12:00 UTC")),
)
OPENS = datetime(2026, 6, 2, 9, tzinfo=UTC)
LIVE = {Slot.PRIMARY: "one", Slot.SECONDARY: "two"}
AGES = {"fresh": timedelta(hours=1), "settled": timedelta(days=2), "old": timedelta(days=61)}
RETIREMENTS = {
    "none": None,
    "past": timedelta(minutes=-1),
    "past, scheduled": timedelta(minutes=-1),
    "soon": timedelta(hours=30),
    "soon, scheduled": timedelta(hours=30),
    "gone": timedelta(minutes=-1),
}
RESOURCE = (
    "/subscriptions/5ab5c4b0-0000-4000-8000-000000000001/resourceGroups/live/providers/Microsoft.SignalRService"
    "/SignalR/chat"
)


@dataclass(frozen=True)
class Case:
    """One situation and one request."""

    observation: Observation
    request: WorkItem
    policy: Policy = POLICY

    @property
    def valid(self) -> bool:
        return self.observation.published_slot is not None

    @property
    def newest(self) -> PublishedSecret:
        assert self.observation.published
        return self.observation.published

    @property
    def since(self) -> datetime:
        known = self.observation.publication
        same = known is not None and known.fingerprint == self.newest.fingerprint
        return min(known.since, self.newest.since) if known and same else self.newest.since

    @property
    def slot(self) -> Slot:
        assert self.observation.published_slot
        return self.observation.published_slot

    @property
    def retirement(self) -> Retirement | None:
        asked = self.observation.promised or self.newest.retirement
        return asked if asked and asked.fingerprint == LIVE[self.slot.other] else None

    @property
    def known(self) -> Slot | None:
        """The slot of the last known publication; never one whose key is to be retired."""
        known = self.observation.publication
        slot = next((slot for slot, key in LIVE.items() if known and key == known.fingerprint), None)
        return self.unretired(slot) if slot else None

    @property
    def named(self) -> Slot:
        known = self.observation.publication
        slot = next((slot for slot, key in LIVE.items() if known and key == known.fingerprint), None)
        named = slot or self.newest.slot_hint or Slot.PRIMARY
        late = self.observation.rejected
        unaccepted = late is not None and late.slot is named and not self.observation.accepted.get(named)
        return self.unretired(named.other if unaccepted else named)

    @property
    def late(self) -> RejectedKey | None:
        late = self.observation.rejected
        return late if late and self.valid and late.slot is not self.slot else None

    @property
    def rejected(self) -> bool:
        return self.valid and self.observation.accepted.get(self.slot) is False

    @property
    def rejected_twice(self) -> bool:
        suspect = self.observation.suspect
        return self.rejected and suspect is not None and suspect.fingerprint == self.newest.fingerprint

    def accepted(self, slot: Slot) -> bool:
        return self.observation.accepted.get(slot, False)

    def unretired(self, slot: Slot) -> Slot:
        tagged = self.observation.published.retirement if self.observation.published else None
        asked = next((r for r in (self.observation.promised, tagged) if r and r.fingerprint in LIVE.values()), None)
        return slot.other if asked and LIVE[slot] == asked.fingerprint else slot

    @property
    def free(self) -> datetime:
        overlap = self.since + POLICY.overlap
        asked = self.retirement and not self.retirement.by_policy
        return max(overlap, self.retirement.after) if self.retirement and asked else overlap

    @property
    def due(self) -> datetime:
        return self.since + POLICY.period - self.policy.spread

    @property
    def closed(self) -> bool:
        return self.policy.window is not None and not self.policy.window.is_open(NOW)


SITUATIONS: dict[str, Callable[[Case], bool]] = {
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
    "value that consumers refuse": lambda case: case.valid and bool(case.newest.fault),
    "no secret, known key valid": lambda case: case.observation.published is None and case.known is not None,
    "revoked key published": lambda case: (
        case.valid
        and case.observation.promised is not None
        and case.newest.fingerprint == case.observation.promised.fingerprint
    ),
    "no secret, unknown word": lambda case: case.observation.published is None and bool(case.policy.unknown_word),
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
    "published key rejected": lambda case: case.rejected,
    "published key rejected by two sweeps": lambda case: case.rejected_twice,
    "published key rejected by two sweeps, O accepted": lambda case: (
        case.rejected_twice and case.accepted(case.slot.other) and case.retirement is None
    ),
    "late key": lambda case: case.late is not None and case.late.at + timedelta(days=1) > NOW,
    "late key accepted": lambda case: case.late is not None and case.accepted(case.late.slot),
    "late key of a revocation accepted": lambda case: (
        case.late is not None and case.late.retire and case.accepted(case.late.slot)
    ),
    "retirement pending": lambda case: case.valid and case.retirement is not None,
    "unknown word": lambda case: bool(case.policy.unknown_word),
    "not due": lambda case: case.valid and case.due > NOW,
    "window closed": lambda case: case.closed,
    "O still in use": lambda case: case.valid and case.free > NOW,
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
    "keyType Primary": lambda case: case.request.key_type is KeyType.PRIMARY,
    "keyType Salt": lambda case: case.request.key_type is KeyType.SALT,
}


def fits(row: tuple[str, str, str], case: Case) -> bool:
    """Whether a row of the table is about this case."""
    return SITUATIONS[row[0]](case) and all(REQUESTS[word.strip()](case) for word in row[1].split(","))


def told(action: Action, case: Case, expected: str) -> str:
    """An action in the table's words. One moment can have two names: then it is called as expected."""
    match action:
        case Rotate(slot, retire, by_policy):
            asked = expected.endswith("policy Retire") and by_policy == retire == bool(case.policy.retire_after)
            after = ", policy Retire" if asked else later(slot, case, retire=retire)
            return f"Rotate({name(slot, case, forced=True)})" + after
        case Publish(slot, cause, retire):
            return f"Publish({name(slot, case)}, {cause})" + later(slot, case, retire=retire)
        case Retire(slot):
            return f"Retire({name(slot, case)})"
        case Skip(code, until) | Refuse(code, until):
            return f"{type(action).__name__}({code}{moment(until, case, expected)})"
        case Wait(code):
            return f"Wait({code})"
        case Resume() | RegenerateSalt():
            return type(action).__name__


def name(slot: Slot, case: Case, *, forced: bool = False) -> str:
    if case.observation.published is None:
        return "known" if slot is case.known else slot.value
    if case.observation.published_slot is None:
        if forced and case.request.slot:
            return "keyType" if slot is case.request.slot else "?"
        return "named" if slot is case.named else "unnamed"
    return "S" if slot is case.slot else "O"


def later(slot: Slot, case: Case, *, retire: bool) -> str:
    return f", later Retire({name(slot.other, case)})" if retire else ""


def moment(until: datetime | None, case: Case, expected: str) -> str:
    if until is None:
        return ""
    known = {"due": case.due, "free": case.free} if case.valid else {}
    known["it opens"] = OPENS
    if case.retirement:
        known["retirement"] = case.retirement.after
    words = [word for word, at in known.items() if at == until]
    return " until " + next((word for word in words if expected.endswith(f"{word})")), str(words))


def rows() -> list[tuple[str, str, str]]:
    table = re.findall(
        r"^\| (.+?) \| (.+?) \| (.+?) \|$", (ROOT / "docs/reference/decision-table.md").read_text(), re.MULTILINE
    )
    return table[1:]


def versions() -> Iterator[PublishedSecret | None]:
    """Every kind of newest version: none, disabled, dead, and each slot's, young and old, with every retirement."""
    yield None
    yield PublishedSecret("v", "id", datetime.max.replace(tzinfo=UTC))
    keys = ("one", "two", "dead")
    made = (None, "rotate", "publish")
    for key, hint, age, retirement, kind in product(keys, (None, *Slot), AGES, RETIREMENTS, made):
        if "scheduled" in retirement and (hint or kind != "rotate"):
            continue
        after = RETIREMENTS[retirement]
        other = {"one": "two", "two": "one", "dead": "two"}[key] if retirement != "gone" else "renewed since"
        yield PublishedSecret(
            version="v",
            secret_id="id",  # noqa: S106 - Key Vault's word for a URL
            since=NOW - AGES[age],
            fingerprint=key,
            slot_hint=hint,
            rotation_id="id" if kind else None,
            kind_hint=kind,
            retirement=Retirement(fingerprint=other, after=NOW + after, by_policy="scheduled" in retirement)
            if after is not None
            else None,
        )


def requests() -> Iterator[WorkItem]:
    """Every request that can be made: keys are named with mode rotate, and what is asked by name can be forced."""
    shapes: list[tuple[Mode, KeyType | None, bool]] = [(Mode.SWEEP, None, False), (Mode.RESYNC, None, False)]
    shapes += [(Mode.REVOKE, None, force) for force in (False, True)]
    shapes += [(Mode.ROTATE, key, force) for key in (None, *KeyType) for force in (False, True)]
    for (mode, key, force), at in product(shapes, (NOW, NOW - timedelta(hours=2))):
        yield WorkItem(
            rotation_id="asked",
            resource=RESOURCE,
            mode=mode,
            key_type=key,
            force=force,
            trigger="test",
            requested_at=at,
        )


BEFORE = Publication.model_validate(
    {"fingerprint": "", "since": NOW - timedelta(days=3), "vault_url": "https://vault", "secret_name": "before"}
)
FLAGS = (None, "json", "identity", "fault", "open", "failed", "busy", "disabled", "paused", "foreign", "unclear")
# What the record remembers: nothing; a key that is still listed, an old one; a retirement that the tags may have lost.
KNOWN = {
    "nothing": (None, None),
    "primary": ("one", None),
    "secondary": ("two", None),
    "gone": ("dead", None),
    "primary, secondary retires": ("one", "two"),
    "secondary, primary retires": ("two", "one"),
}


# What a window and a retirement by policy have to do with: not who made the version, nor what it says of its slot.
POLICIES_MEET = {"nothing", "secondary, primary retires"}


def odd(published: PublishedSecret | None) -> bool:
    return published is not None and (published.slot_hint is not None or published.kind_hint == "publish")


def cases() -> Iterator[Case]:
    for published, flag, known, request, policy in product(versions(), FLAGS, KNOWN, requests(), POLICIES):
        if known not in {"nothing", "secondary, primary retires"} and flag:
            continue
        if policy is not POLICY and (flag not in {None, "unclear"} or known not in POLICIES_MEET or odd(published)):
            continue
        key, retires = KNOWN[known]
        if published and flag in {"json", "identity"}:
            shape = Shape.UNKNOWN if flag == "json" else Shape.IDENTITY
            published = replace(published, shape=shape, fingerprint=published.fingerprint and "")  # noqa: PLW2901
        if published and flag == "fault":
            published = replace(published, fault="bad-port")  # noqa: PLW2901 - the same version, written badly
        observation = Observation(
            provisioning_state={"busy": "Updating", "failed": "Failed"}.get(flag or "", "Succeeded"),
            local_auth_disabled=flag == "disabled",
            paused=flag == "paused",
            fingerprints=LIVE,
            published=published,
            run_open=flag == "open",
            owned=flag != "foreign" or published is None,
            publication=BEFORE.model_copy(update={"fingerprint": key}) if key else None,
            promised=Retirement(fingerprint=retires, after=NOW + timedelta(hours=5)) if retires else None,
        )
        yield Case(observation, request, replace(policy, unknown_word="pasued" if flag == "unclear" else ""))


def with_verdicts() -> Iterator[Case]:
    """What SignalR says of the keys, with the rest that matters then."""
    for observation, unclear, request in product(observations(versions(), LIVE), (False, True), requests()):
        yield Case(observation, request, replace(POLICY, unknown_word="pasued" if unclear else ""))


def test_every_combination_is_decided_as_the_table_says() -> None:
    table, wrong, used = rows(), [], set()
    for case in chain(cases(), with_verdicts()):
        row = next(row for row in table if fits(row, case))
        used.add(row)
        if (does := told(decide(case.observation, case.request, case.policy, NOW), case, row[2])) != row[2]:
            wrong.append(f"{row}: does {does}: {case}")

    assert [] == wrong[:3]
    assert [] == [row for row in table if row not in used], "rows that never apply"


def test_what_was_begun_comes_before_an_operators_switches() -> None:
    """Else a rotation could be left half done for as long as the resource is paused."""
    observation = Observation(
        "Updating", local_auth_disabled=True, paused=True, fingerprints=LIVE, published=None, run_open=True
    )

    assert Resume() == decide(observation, next(requests()), POLICY, NOW)
