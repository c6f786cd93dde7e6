"""Requests in histories that are known by name, and what they left behind."""

from typing import Any

from shared.domain.record import Outcome, Record, Result
from shared.domain.requests import Mode
from tests.faults.history import NO_TROUBLE, History
from tests.faults.meddling import Meddling
from tests.faults.memory import RESOURCE, VAULT, Place, Struck
from tests.faults.rules import PLACE

ROTATE, RESYNC = {"mode": Mode.ROTATE}, {"mode": Mode.RESYNC}
MOVED = "moved"


def looked_at(history: History) -> None:
    history.nobody_is_refused()
    history.all_tell_the_same()


def ask(history: History, wish: dict[str, Any], struck: Struck = NO_TROUBLE) -> Outcome | None:
    [outcome] = history.work([(history.wished(wish), struck)])
    looked_at(history)
    return outcome


def again(history: History, which: int = -1) -> Outcome | None:
    [outcome] = history.work([(history.fresh(history.asked[which]), NO_TROUBLE)])
    looked_at(history)
    return outcome


def record(history: History) -> Record:
    return history.cloud.records[RESOURCE]


def results(history: History) -> list[Result]:
    return [each.result for each in record(history).history]


def keys_in(history: History, place: Place = PLACE) -> list[str]:
    return [text.partition("AccessKey=")[2].partition(";")[0] for _, text in history.cloud.secrets[place].versions]


def two_names(history: Meddling, *, hours: float) -> None:
    """The secret was renamed, rotated under the new name, and has the name of before again `hours` later.

    Clients read either.
    """
    history.rename_by_tag(secret=MOVED, vault=VAULT)
    history.sweep()
    history.time_passes(hours=24 * 58)
    ask(history, ROTATE)
    history.time_passes(hours=hours)
    history.rename_by_tag(secret="", vault=VAULT)
