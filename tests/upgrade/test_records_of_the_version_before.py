"""What version f93f389 has written is read, and what it had begun is finished: an installation is upgraded in place."""

import json
from datetime import datetime, timedelta

import pytest

from shared.domain.inventory_entry import InventoryEntry
from shared.domain.record import Record
from tests.integration.engine import Engine
from tests.upgrade.documents import Document, document, documents, fill, lost
from tests.upgrade.replay import Replay

OPEN, CLOSED = map(documents, ("open", "record"))
WRITTEN = [each for each in (*OPEN, *CLOSED) if each.text]
PUBLISHING = {"KeyRotated", "KeyPublished"}
RETIRING = [each for each in CLOSED if "retireAfter" in each.raw_of("seen")]


def read(found: Document) -> Record:
    return Record.model_validate_json(fill(found.text))


# -- records are read


@pytest.mark.parametrize("found", WRITTEN, ids=str)
def test_a_record_is_read_without_loss(found: Document) -> None:
    text = fill(found.text)

    assert not lost(text, Record.model_validate_json(text))


@pytest.mark.parametrize("found", [each for each in WRITTEN if each.metadata], ids=str)
def test_a_summary_is_read_without_loss(found: Document) -> None:
    text = fill(found.metadata["summary"])

    assert not lost(text, InventoryEntry.model_validate_json(text))


@pytest.mark.parametrize("found", WRITTEN, ids=str)
def test_a_history_keeps_every_outcome(found: Document) -> None:
    history = [(each["rotationId"], each["result"], each.get("code")) for each in found.raw.get("history", ())]

    assert history == [(each.rotation_id, each.result, each.code) for each in read(found).history]


@pytest.mark.parametrize("found", OPEN, ids=str)
def test_an_open_journal_is_found_at_its_step(found: Document) -> None:
    written = found.raw_of("journal")

    journal = read(found).journal

    assert journal
    assert (written["kind"], written.get("step", "planned")) == (journal.kind, journal.step)


@pytest.mark.parametrize("found", OPEN, ids=str)
def test_what_arm_was_asked_is_not_forgotten(found: Document) -> None:
    written = found.raw_of("journal")

    journal = read(found).journal

    assert journal
    assert (written.get("attempts", 0), written.get("refused", 0)) == (journal.attempts, journal.refused)


@pytest.mark.parametrize("found", OPEN, ids=str)
def test_the_key_to_be_retired_is_not_forgotten(found: Document) -> None:
    journal = read(found).journal

    assert journal
    assert found.raw_of("journal").get("retire") == journal.retire


@pytest.mark.parametrize("found", WRITTEN, ids=str)
def test_the_published_key_is_known(found: Document) -> None:
    snapshot = read(found).snapshot

    assert found.raw_of("seen").get("fingerprint") == (snapshot.fingerprint if snapshot else None)


@pytest.mark.parametrize("found", RETIRING, ids=str)
def test_a_retirement_keeps_its_time(found: Document) -> None:
    text = fill(found.text)

    snapshot = Record.model_validate_json(text).snapshot

    assert snapshot
    assert datetime.fromisoformat(json.loads(text)["seen"]["retireAfter"]) == snapshot.retire_after


def test_a_resource_that_has_left_is_no_part_of_the_fleet() -> None:
    assert read(document("record-left")).removed


@pytest.mark.parametrize("found", [each for each in WRITTEN if each.metadata], ids=str)
async def test_the_list_of_the_fleet_shows_what_was_last_seen(engine: Engine, found: Document) -> None:
    replay = await Replay.of(engine, found)

    (shown,) = (await engine.app.inventory.listing()).entries

    assert not lost(fill(found.metadata["summary"], replay.words), shown)


# -- records are gone on with


@pytest.mark.parametrize("found", OPEN, ids=str)
async def test_what_was_begun_is_finished(engine: Engine, found: Document) -> None:
    replay = await Replay.of(engine, found)
    rotation_id = found.raw_of("journal")["rotationId"]

    await engine.sweep()

    record, status = await engine.record(), await engine.app.rotations.status(rotation_id)
    assert record
    assert status
    assert status.outcome
    assert (found.end["result"], None) == (status.outcome.result, record.journal)
    assert (found.end["told"], found.end["changes"]) == (replay.told, replay.changes)


@pytest.mark.parametrize("found", [each for each in OPEN if each.end["told"][0] in PUBLISHING], ids=str)
async def test_what_was_begun_is_published_in_one_version(engine: Engine, found: Document) -> None:
    await Replay.of(engine, found)

    await engine.sweep()

    made = [version["tags"].get("RotationId") for version in engine.versions]
    assert 1 == made.count(found.raw_of("journal")["rotationId"])


@pytest.mark.parametrize("found", OPEN, ids=str)
async def test_what_was_begun_is_finished_once(engine: Engine, found: Document) -> None:
    replay = await Replay.of(engine, found)
    await engine.sweep()
    versions = len(engine.versions)

    await engine.sweep()

    assert (found.end["told"], found.end["changes"], versions) == (replay.told, replay.changes, len(engine.versions))


@pytest.mark.parametrize("found", [each for each in OPEN if each.raw_of("journal").get("retire")], ids=str)
async def test_a_leaked_key_whose_replacement_was_begun_is_retired_in_time(engine: Engine, found: Document) -> None:
    await Replay.of(engine, found)
    await engine.sweep()
    engine.ahead = timedelta(hours=49)

    await engine.sweep()

    assert "KeyRetired" == engine.told[-1]
    assert "Primary" == engine.changes[-1]


@pytest.mark.parametrize("found", CLOSED, ids=str)
async def test_what_has_ended_is_not_told_again(engine: Engine, found: Document) -> None:
    replay = await Replay.of(engine, found)

    outcome = await engine.sweep()

    assert (found.end["result"], found.end["code"]) == (outcome.result, outcome.code)
    assert (found.end["told"], found.end["changes"]) == (replay.told, replay.changes)


@pytest.mark.parametrize("found", RETIRING, ids=str)
async def test_a_retirement_that_waits_is_carried_out_in_time(engine: Engine, found: Document) -> None:
    replay = await Replay.of(engine, found)
    engine.ahead = timedelta(hours=49)

    await engine.sweep()

    assert (["KeyRetired"], ["Primary"]) == (replay.told, replay.changes)
