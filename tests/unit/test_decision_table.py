"""docs/decisions.md says what `decide` does: each row's words are read here, and held against the function."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Literal

import pytest

from shared.domain.decision import (
    Action,
    Announce,
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
from shared.domain.observation import Observation, PublishedSecret, Retirement
from shared.domain.policy import Policy
from shared.domain.requests import Mode, WorkItem
from tests.world import ROOT

NOW = datetime(2026, 6, 1, tzinfo=UTC)
POLICY = Policy(timedelta(days=60), timedelta(hours=24), "https://vault", "chat", SecretFormat.CONNECTION_STRING)
LIVE = {Slot.PRIMARY: "one", Slot.SECONDARY: "two"}
AGES = {"fresh": timedelta(hours=1), "settled": timedelta(days=2), "old": timedelta(days=61)}
RETIREMENTS = {"none": None, "past": timedelta(minutes=-1), "soon": timedelta(hours=30), "gone": timedelta(minutes=-1)}
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
    def slot(self) -> Slot:
        assert self.observation.published_slot
        return self.observation.published_slot

    @property
    def retirement(self) -> Retirement | None:
        asked = self.newest.retirement
        return asked if asked and asked.fingerprint == LIVE[self.slot.other] else None

    @property
    def free(self) -> datetime:
        overlap = self.newest.since + POLICY.overlap
        return max(overlap, self.retirement.after) if self.retirement else overlap


SITUATIONS: dict[str, Callable[[Case], bool]] = {
    "any": lambda _: True,
    "journal open": lambda case: case.observation.run_open,
    "version untold": lambda case: not case.observation.announced,
    "not Succeeded": lambda case: case.observation.provisioning_state != "Succeeded",
    "local auth disabled": lambda case: case.observation.local_auth_disabled,
    "paused": lambda case: case.observation.paused,
    "newest version disabled": lambda case: (
        case.observation.published is not None and not case.observation.published.enabled
    ),
    "no secret": lambda case: case.observation.published is None,
    "published key dead": lambda case: case.observation.published is not None and not case.valid,
    "retirement due": lambda case: case.valid and case.retirement is not None and case.retirement.after <= NOW,
    "retirement pending": lambda case: case.valid and case.retirement is not None,
    "unknown word": lambda case: bool(case.policy.unknown_word),
    "not due": lambda case: case.valid and case.newest.since + POLICY.period > NOW,
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
    "no keyType": lambda case: case.request.key_type is None,
    "keyType S": lambda case: case.valid and case.request.slot is case.observation.published_slot,
    "keyType Primary": lambda case: case.request.key_type is KeyType.PRIMARY,
    "keyType Salt": lambda case: case.request.key_type is KeyType.SALT,
}


def fits(row: tuple[str, str, str], case: Case) -> bool:
    """Whether a row of the table is about this case."""
    return all(SITUATIONS[word.strip()](case) for word in row[0].split(",")) and all(
        REQUESTS[word.strip()](case) for word in row[1].split(",")
    )


def told(action: Action, case: Case, expected: str) -> str:
    """An action in the table's words. One moment can have two names: then it is called as expected."""
    match action:
        case Rotate(slot, retire):
            return f"Rotate({name(slot, case, forced=True)})" + later(slot, case, retire=retire)
        case Publish(slot, cause, retire):
            return f"Publish({name(slot, case)}, {cause})" + later(slot, case, retire=retire)
        case Retire(slot):
            return f"Retire({name(slot, case)})"
        case Skip(code, until) | Refuse(code, until):
            return f"{type(action).__name__}({code}{moment(until, case, expected)})"
        case Wait(code):
            return f"Wait({code})"
        case Resume() | Announce() | RegenerateSalt():
            return type(action).__name__


def name(slot: Slot, case: Case, *, forced: bool = False) -> str:
    if case.observation.published is None:
        return slot.value
    if case.observation.published_slot is None:
        if forced and case.request.slot:
            return "keyType" if slot is case.request.slot else "?"
        return "named" if slot is (case.newest.slot_hint or Slot.PRIMARY) else "unnamed"
    return "S" if slot is case.slot else "O"


def later(slot: Slot, case: Case, *, retire: bool) -> str:
    return f", later Retire({name(slot.other, case)})" if retire else ""


def moment(until: datetime | None, case: Case, expected: str) -> str:
    if until is None:
        return ""
    known = {"due": case.newest.since + POLICY.period, "free": case.free}
    if case.retirement:
        known["retirement"] = case.retirement.after
    words = [word for word, at in known.items() if at == until]
    return " until " + next((word for word in words if expected.endswith(f"{word})")), str(words))


def rows() -> list[tuple[str, str, str]]:
    table = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", (ROOT / "docs/decisions.md").read_text(), re.MULTILINE)
    return table[1:]


def versions() -> Iterator[PublishedSecret | None]:
    """Every kind of newest version: none, disabled, dead, and each slot's, young and old, with every retirement."""
    yield None
    yield PublishedSecret("v", "id", datetime.max.replace(tzinfo=UTC))
    keys = ("one", "two", "dead")
    made = (None, "rotate", "publish")
    for key, hint, age, retirement, kind in product(keys, (None, *Slot), AGES, RETIREMENTS, made):
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
            retirement=Retirement(other, NOW + after) if after is not None else None,
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


def cases() -> Iterator[Case]:
    flags: tuple[Literal["unfinished", "untold", "busy", "disabled", "paused", "unclear"] | None, ...] = (
        *(None, "unfinished", "untold", "unclear"),
        *("busy", "disabled", "paused"),
    )
    for published, flag, request in product(versions(), flags, requests()):
        observation = Observation(
            provisioning_state="Updating" if flag == "busy" else "Succeeded",
            local_auth_disabled=flag == "disabled",
            paused=flag == "paused",
            fingerprints=LIVE,
            published=published,
            run_open=flag == "unfinished",
            announced=flag != "untold",
        )
        yield Case(observation, request, replace(POLICY, unknown_word="pasued" if flag == "unclear" else ""))


def test_every_combination_is_decided_as_the_table_says() -> None:
    table, wrong, used = rows(), [], set()
    for case in cases():
        row = next(row for row in table if fits(row, case))
        used.add(row)
        if (does := told(decide(case.observation, case.request, case.policy, NOW), case, row[2])) != row[2]:
            wrong.append(f"{row}: does {does}: {case}")

    assert [] == wrong[:3]
    assert [] == [row for row in table if row not in used], "rows that never apply"


@pytest.mark.parametrize("flag", ["unfinished", "untold"])
def test_what_was_begun_or_not_told_comes_before_an_operators_switches(flag: str) -> None:
    """Else a rotation could be left half done for as long as the resource is paused."""
    observation = Observation(
        "Updating", local_auth_disabled=True, paused=True, fingerprints=LIVE, published=None,
        run_open=flag == "unfinished", announced=flag != "untold",
    )  # fmt: skip
    expected = Resume() if flag == "unfinished" else Announce()

    assert expected == decide(observation, next(requests()), POLICY, NOW)
