"""The secret has another name, another owner, another shape: what a key and a foreign value are worth then."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.record import Result
from shared.domain.requests import Mode
from tests.integration.engine import Engine


def rename(engine: Engine) -> str:
    """An operator gives the secret another name: the new one."""
    name = f"renamed-{engine.secret}"
    engine.azure.update_signalr(engine.resource, tags={"key-rotation-secret": name})
    return name


def newest(engine: Engine, name: str = "") -> dict[str, Any]:
    return engine.azure.secrets()[name or engine.secret][-1]


# -- renamed and purged


async def test_a_renamed_secret_costs_no_client_its_key(engine: Engine) -> None:
    """Secondary was published a moment ago, and every client reads it."""
    await engine.rotate()
    in_use = engine.azure.valid_keys(engine.resource)["Secondary"]
    name = rename(engine)

    outcome = await engine.rotate()

    assert (Result.REFUSED, "OverlapActive") == (outcome.result, outcome.code)
    assert in_use in newest(engine, name)["value"]
    assert ["Secondary"] == engine.changes


async def test_a_purged_secret_costs_no_client_its_key(engine: Engine) -> None:
    await engine.rotate()
    in_use = engine.azure.valid_keys(engine.resource)["Secondary"]
    engine.azure.delete_secret(engine.secret, purge=True)

    await engine.rotate()

    assert engine.azure.accepts(engine.resource, in_use)
    assert in_use in newest(engine)["value"]


async def test_a_sweep_publishes_the_key_again_whose_secret_was_purged(engine: Engine) -> None:
    await engine.rotate()
    in_use = engine.azure.valid_keys(engine.resource)["Secondary"]
    engine.azure.delete_secret(engine.secret, purge=True)

    await engine.sweep()

    assert in_use in newest(engine)["value"]


async def test_a_move_is_announced_as_one(engine: Engine) -> None:
    await engine.rotate()
    name = rename(engine)

    await engine.sweep()

    event = engine.events[-1]
    assert ["KeyRotated", "KeyPublished"] == engine.told
    assert ("move", name) == (event["data"]["cause"], event["data"]["secretName"])


async def test_a_moved_key_is_as_old_as_it_was(engine: Engine) -> None:
    """Neither the overlap nor the schedule begins anew: the key is the same one."""
    engine.publish("Primary", age_days=70, ProviderAddress=engine.resource)
    await engine.sweep()
    published = (await engine.record()).publication
    rename(engine)
    engine.ahead = timedelta(days=2)

    await engine.sweep()

    record = await engine.record()
    assert record
    as_before = {"secret_name": published.secret_name, "written_at": published.written_at}
    assert published == record.publication.model_copy(update=as_before)


async def test_a_leaked_key_is_not_handed_out_under_another_name(engine: Engine) -> None:
    leaked = engine.azure.valid_keys(engine.resource)["Primary"]
    await engine.rotate(mode=Mode.REVOKE)
    name = rename(engine)

    await engine.sweep()

    assert leaked not in newest(engine, name)["value"]


async def test_a_retirement_survives_a_rename(engine: Engine) -> None:
    leaked = engine.azure.valid_keys(engine.resource)["Primary"]
    await engine.rotate(mode=Mode.REVOKE)
    rename(engine)
    await engine.sweep()
    engine.ahead = timedelta(hours=50)

    outcome = await engine.sweep()

    assert "retire" == outcome.kind
    assert not engine.azure.accepts(engine.resource, leaked)


async def test_without_any_knowledge_primary_is_taken_for_the_key_in_use(engine: Engine) -> None:
    await engine.sweep()

    assert ([], "Primary") == (engine.changes, engine.live_slot)


# -- owned


@pytest.mark.parametrize("value", ["hunter2", "Server=db;Password=hunter2;", '{"password": "hunter2"}'])
@pytest.mark.parametrize("mode", [Mode.SWEEP, Mode.ROTATE, Mode.REVOKE, Mode.RESYNC])
async def test_a_tag_cannot_have_a_foreign_secret_overwritten(engine: Engine, value: str, mode: Mode) -> None:
    foreign = f"payments-{engine.secret}"
    engine.azure.put_secret(foreign, value)
    engine.azure.update_signalr(engine.resource, tags={"key-rotation-secret": foreign})

    outcome = await engine.rotate(mode=mode, force=mode in {Mode.ROTATE, Mode.REVOKE})

    assert (Result.FAILED, "SecretNotOwned") == (outcome.result, outcome.code)
    assert [value] == [version["value"] for version in engine.azure.secrets()[foreign]]
    assert [] == engine.changes


async def test_a_foreign_secret_is_refused_whatever_was_published_before(engine: Engine) -> None:
    await engine.rotate()
    foreign = f"payments-{engine.secret}"
    engine.azure.put_secret(foreign, "hunter2")
    engine.azure.update_signalr(engine.resource, tags={"key-rotation-secret": foreign})

    outcome = await engine.sweep()

    assert "SecretNotOwned" == outcome.code
    assert "hunter2" == newest(engine, foreign)["value"]


async def test_a_foreign_value_in_the_resources_own_secret_is_repaired(engine: Engine) -> None:
    """The app has published there before: it is its own secret, whatever another writer put into it."""
    await engine.rotate()
    engine.azure.put_secret(engine.secret, "typed-in-the-wrong-place")

    await engine.sweep()

    assert "Secondary" == engine.live_slot


async def test_a_dead_value_that_names_the_endpoint_is_repaired(engine: Engine) -> None:
    engine.publish("Primary", key="A" * 84)

    await engine.sweep()

    assert "Primary" == engine.live_slot


# -- shape


async def test_what_an_operator_wrote_into_the_connection_string_stays(engine: Engine) -> None:
    key = engine.azure.valid_keys(engine.resource)["Primary"]
    endpoint = engine.azure.connection_endpoint(engine.resource)
    before = f"Endpoint={endpoint};ClientEndpoint=https://signalr.contoso.com;AccessKey={key};Version=1.0;Note=ours"
    engine.azure.put_secret(engine.secret, before, created=datetime.now(UTC) - timedelta(days=3))

    await engine.rotate()

    new = engine.azure.valid_keys(engine.resource)["Secondary"]
    assert before.replace(key, new) == newest(engine)["value"]


@pytest.mark.parametrize("pattern", ["AccessKey= {key}", "AccessKey ={key}"])
async def test_blanks_in_the_string_do_not_make_the_key_in_use_a_dead_one(engine: Engine, pattern: str) -> None:
    """A revoke must replace the leaked key, never hand it out again."""
    key = engine.azure.valid_keys(engine.resource)["Primary"]
    endpoint = engine.azure.connection_endpoint(engine.resource)
    value = f"Endpoint={endpoint};{pattern.format(key=key)};Version=1.0;"
    engine.azure.put_secret(engine.secret, value, created=datetime.now(UTC) - timedelta(days=3))

    await engine.rotate(mode=Mode.REVOKE, overlap_hours=0)
    await engine.sweep()

    assert ["Secondary", "Primary"] == engine.changes
    assert not engine.azure.accepts(engine.resource, key)


@pytest.mark.parametrize("part", ["Port=notaport", "Version=9", "AccessKey=another"])
async def test_a_string_that_consumers_refuse_is_published_again_in_good_form(engine: Engine, part: str) -> None:
    key = engine.azure.valid_keys(engine.resource)["Primary"]
    endpoint = engine.azure.connection_endpoint(engine.resource)
    value = f"Endpoint={endpoint};{part};AccessKey={key};"
    engine.azure.put_secret(engine.secret, value)

    outcome = await engine.sweep()

    assert ("publish", "repair") == (outcome.kind, outcome.cause)
    assert f"Endpoint={endpoint};AccessKey={key};Version=1.0;" == newest(engine)["value"]
    assert [] == engine.changes


async def test_a_bare_key_stays_a_bare_key(engine: Engine) -> None:
    """Made after Microsoft's tutorial; the setting says connection-string, and no tag says anything."""
    key = engine.azure.valid_keys(engine.resource)["Primary"]
    tags = {"CredentialId": "key1", "ValidityPeriodDays": "60", "ProviderAddress": engine.resource}
    engine.azure.put_secret(engine.secret, key, tags=tags, created=datetime.now(UTC) - timedelta(days=61))

    await engine.sweep()

    assert engine.azure.valid_keys(engine.resource)["Secondary"] == newest(engine)["value"]
    assert "application/vnd.signalr.access-key" == newest(engine)["contentType"]


async def test_a_tag_that_asks_for_another_format_is_followed(engine: Engine) -> None:
    key = engine.azure.valid_keys(engine.resource)["Primary"]
    engine.azure.put_secret(engine.secret, key, created=datetime.now(UTC) - timedelta(days=61))
    engine.azure.update_signalr(engine.resource, tags={"key-rotation-format": "connection-string"})

    await engine.sweep()

    assert "AccessKey=" in newest(engine)["value"]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ('{{"connection": "Endpoint={endpoint};AccessKey={key};Version=1.0;"}}', "SecretNotUnderstood"),
        ("Endpoint={endpoint};AuthType=azure.msi;Version=1.0;", "SecretUsesIdentity"),
        ("Endpoint={endpoint};Version=1.0;", "SecretUsesIdentity"),
    ],
)
async def test_a_value_of_a_third_shape_is_never_overwritten(engine: Engine, value: str, code: str) -> None:
    key = engine.azure.valid_keys(engine.resource)["Primary"]
    before = value.format(endpoint=engine.azure.connection_endpoint(engine.resource), key=key)
    engine.azure.put_secret(engine.secret, before, tags={"ProviderAddress": engine.resource})

    outcomes = [await engine.sweep(), await engine.rotate(force=True)]

    assert [code, code] == [outcome.code for outcome in outcomes]
    assert (before, []) == (newest(engine)["value"], engine.changes)
