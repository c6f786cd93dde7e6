"""The fast slice of the cut matrix; `make chaos` plays all of it."""

import logging
import random
from pathlib import Path

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from shared.domain.errors import Unavailable
from shared.domain.record import Outcome
from shared.domain.requests import WorkItem
from shared.domain.resources import ResourceId
from tests.faults import matrix
from tests.faults.case import Cut, Findings, arranged
from tests.faults.kinds import KINDS
from tests.faults.lane import Lane
from tests.faults.modes import MODES
from tests.faults.secrecy import Secrecy

PLACES = 4


def chosen(cuts: list[Cut]) -> list[Cut]:
    """The same few cases every time: every kind of fault in four places, and every mode."""
    some = random.Random(20261123)  # noqa: S311 - a choice of cases, not a secret
    by_kind = [some.sample([cut for cut in cuts if cut.fault is kind], PLACES) for kind in KINDS]
    found = [cut for group in by_kind for cut in group]
    left_out = [mode for mode in MODES if all(cut.mode is not mode for cut in found)]
    return found + [some.choice([cut for cut in cuts if cut.mode is mode]) for mode in left_out]


async def test_no_cut_breaks_an_invariant(azure: AzureEmulator, storage: Azurite, folder: Path) -> None:
    tally = await matrix.run(azure, storage, folder, modes=MODES, kinds=KINDS, choose=chosen)

    assert (0, []) == (tally.violations, tally.wrong), "\n".join(tally.lines())
    assert ({mode.name for mode in MODES}, True) == ({*tally.cases}, tally.cases.total() >= PLACES * len(KINDS))
    assert tally.killed >= PLACES, "a worker that is to be killed mostly was not"
    assert tally.calls > tally.cases.total(), "the consumer hardly called: it could not have been refused"


async def test_a_case_whose_harness_could_not_look_is_played_again(
    azure: AzureEmulator, storage: Azurite, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A storage that answers nobody says nothing of the app, and the cases after it are to be played all the same."""
    plays, unanswered, said = matrix.play, iter([True]), list[str]()

    async def play(lane: Lane, cut: Cut) -> Findings:
        if next(unanswered, False):
            raise Unavailable("read timed out")
        return await plays(lane, cut)

    monkeypatch.setattr(matrix, "play", play)
    tally = await matrix.run(
        azure, storage, folder, modes=MODES[:1], kinds=KINDS[:1], choose=lambda cuts: cuts[:2], progress=said.append
    )

    assert (2, [], 0) == (tally.cases.total(), tally.wrong, tally.violations)
    assert ["read timed out" in line for line in said] == [True]


async def test_a_secret_is_renamed_only_after_the_app_has_seen_it(
    azure: AzureEmulator, storage: Azurite, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the case would be another one: a key that the app never saw is no reason to leave the other one alone."""
    async with Lane.open(azure, storage, folder) as lane:
        works, slow = lane.work, iter([True, True])

        async def work(request: WorkItem) -> Outcome | None:
            return None if next(slow, False) else await works(request)

        monkeypatch.setattr(lane, "work", work)
        await arranged(lane, next(mode for mode in MODES if mode.renamed))

        record = await lane.ledger.read(ResourceId.parse(lane.resource))
        assert record
        assert record.publication
        assert lane.secret == record.publication.secret_name


def test_the_watch_over_keys_hears_one_in_an_exception() -> None:
    """A watch that hears nothing would find no leak in anything."""
    watch = Secrecy()
    watch.keys = {"k" * 84}
    log = logging.getLogger("tests.secrecy")
    log.addHandler(watch)
    try:
        int("k" * 84)
    except ValueError:
        log.exception("failed")
    finally:
        log.removeHandler(watch)

    assert 1 == watch.leaks
