"""The decision table says what `decide` does: each row's words are read here, and held against the function."""

import re
from datetime import datetime
from itertools import chain

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
from shared.domain.keys import Slot
from shared.domain.observation import Observation
from tests.unit.decision_cases import OPENS, requests, situations, situations_with_verdicts
from tests.unit.situations import LIVE, NOW, POLICY, Case, Row
from tests.world import ROOT


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
    if case.request.standstill and case.request.standstill.until:
        known["hold"] = case.request.standstill.until
    words = [word for word, at in known.items() if at == until]
    return " until " + next((word for word in words if expected.endswith(f"{word})")), str(words))


def rows() -> list[Row]:
    table = re.findall(
        r"^\| (.+?) \| (.+?) \| (.+?) \|$", (ROOT / "docs/reference/decision-table.md").read_text(), re.MULTILINE
    )
    return [Row(*words) for words in table[1:]]


def test_every_combination_is_decided_as_the_table_says() -> None:
    table, asked, wrong, used = rows(), [*requests()], [], set()
    for situation in chain(situations(), situations_with_verdicts()):
        about = [row for row in table if row.may_fit(situation)]
        for case in map(situation.asked, asked):
            row = next(row for row in about if row.fits(case))
            used.add(row)
            does = told(decide(case.observation, case.request, case.policy, NOW), case, row.action)
            if does != row.action:
                wrong.append(f"{row}: does {does}: {case}")

    assert [] == wrong[:3]
    assert [] == [row for row in table if row not in used], "rows that never apply"


def test_what_was_begun_comes_before_an_operators_switches() -> None:
    """Else a rotation could be left half done for as long as the resource is paused."""
    observation = Observation(
        "Updating", local_auth_disabled=True, paused=True, fingerprints=LIVE, published=None, run_open=True
    )

    assert Resume() == decide(observation, next(requests()), POLICY, NOW)
