"""What every port promises (`rotation/ports.py`), held against the ports in memory and the real adapters alike.

Histories run over the ports in memory: what they prove holds for the app only as far as the two behave the same.
"""

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.errors import Busy
from shared.domain.keys import AccessKey, KeyType, Slot
from shared.domain.observation import Retirement
from shared.domain.outgoing_event import OutgoingEvent
from shared.domain.resources import Scope
from shared.rotation.ports import Ending, NewSecretVersion, Verdict
from tests.conformance.worlds import NOW, World, item, soon


async def version(world: World, slot: Slot = Slot.PRIMARY, **more: object) -> NewSecretVersion:
    keys = await world.services.signalr.keys(world.resource)
    made = NewSecretVersion(world.resource, str(uuid.uuid4()), "rotate", keys[slot], world.policy)
    return replace(made, **more)


# -- ARM


async def test_a_resource_shows_its_tags(world: World) -> None:
    world.tag(key_rotation="paused")

    found = await world.services.signalr.get(world.resource)

    assert (world.resource, "paused") == (found.id, found.tags["key-rotation"])


async def test_a_resource_is_found_in_its_subscription(world: World) -> None:
    found = [each.id async for each in world.services.signalr.discover(Scope(world.resource.subscription))]

    assert world.resource in found


async def test_both_keys_are_listed_each_in_its_slot(world: World) -> None:
    keys = await world.services.signalr.keys(world.resource)

    assert (Slot.PRIMARY, Slot.SECONDARY) == (keys.primary.slot, keys.secondary.slot)
    assert keys.primary.fingerprint != keys.secondary.fingerprint
    assert keys.primary.endpoint == keys.secondary.endpoint


async def test_regenerating_changes_one_key_and_shows_it(world: World) -> None:
    signalr = world.services.signalr
    before = await signalr.keys(world.resource)

    with await signalr.permit(world.resource) as permit:
        done = await signalr.regenerate(world.resource, KeyType.SECONDARY, permit=permit, timeout_seconds=20)

    after = await signalr.keys(world.resource)
    assert Ending.SUCCEEDED is done.ending
    assert done.shown
    assert (before.primary.fingerprint, done.shown.fingerprint) == (
        after.primary.fingerprint,
        after.secondary.fingerprint,
    )


async def test_regenerating_the_salt_changes_no_key_and_shows_none(world: World) -> None:
    signalr = world.services.signalr
    before = await signalr.keys(world.resource)

    with await signalr.permit(world.resource) as permit:
        done = await signalr.regenerate(world.resource, KeyType.SALT, permit=permit, timeout_seconds=20)

    assert (Ending.SUCCEEDED, None) == (done.ending, done.shown)
    assert before == await signalr.keys(world.resource)


async def test_a_second_operation_beside_the_first_is_refused(world: World) -> None:
    signalr = world.services.signalr
    world.slow_operations()

    async def regenerate(key_type: KeyType) -> object:
        with await signalr.permit(world.resource) as permit:
            return await signalr.regenerate(world.resource, key_type, permit=permit, timeout_seconds=20)

    first = asyncio.create_task(regenerate(KeyType.PRIMARY))
    await soon()
    with pytest.raises(Busy):
        await regenerate(KeyType.SECONDARY)

    await first


# -- data plane


async def test_signalr_accepts_both_keys(world: World) -> None:
    keys = await world.services.signalr.keys(world.resource)

    assert [Verdict.ACCEPTED] * 2 == [await world.services.probe.probe(keys[slot]) for slot in Slot]


async def test_signalr_rejects_a_key_that_is_none_of_its_own(world: World) -> None:
    keys = await world.services.signalr.keys(world.resource)

    assert Verdict.REJECTED is await world.services.probe.probe(AccessKey(Slot.PRIMARY, keys.primary.endpoint, "other"))


async def test_a_data_plane_out_of_reach_says_nothing_about_the_key(world: World) -> None:
    keys = await world.services.signalr.keys(world.resource)

    assert Verdict.UNREACHABLE is await world.services.probe.probe(world.out_of_reach(keys.primary))


# -- vault


async def test_where_there_is_no_secret_there_is_no_newest_version(world: World) -> None:
    policy = world.policy

    assert (None, None) == await world.services.secrets.newest_with_key(policy.vault_url, policy.secret_name)
    assert await world.services.secrets.made_by(policy.vault_url, policy.secret_name, str(uuid.uuid4())) is None


async def test_a_version_tells_what_it_was_made_with(world: World) -> None:
    retirement = Retirement(fingerprint="0123456789ab", after=NOW + timedelta(hours=24))
    new = await version(world, Slot.SECONDARY, retirement=retirement)

    made = await world.services.secrets.publish(new, now=datetime.now(UTC), timeout_seconds=20)

    newest = await world.services.secrets.newest(world.policy.vault_url, world.policy.secret_name)
    assert made == newest
    assert (new.key.fingerprint, new.key.endpoint, Slot.SECONDARY, new.rotation_id, "rotate", retirement) == (
        made.fingerprint,
        made.endpoint,
        made.slot_hint,
        made.rotation_id,
        made.kind_hint,
        made.retirement,
    )


async def test_the_newest_version_is_read_with_its_key(world: World) -> None:
    new = await version(world)
    await world.services.secrets.publish(new, now=datetime.now(UTC), timeout_seconds=20)

    _, key = await world.services.secrets.newest_with_key(world.policy.vault_url, world.policy.secret_name)

    assert key
    assert (new.key.reveal(), new.key.endpoint) == (key.reveal(), key.endpoint)


async def test_a_version_that_was_overtaken_is_found_by_its_rotation(world: World) -> None:
    first, second = await version(world), await version(world, Slot.SECONDARY)
    for each in (first, second):
        await world.services.secrets.publish(each, now=datetime.now(UTC), timeout_seconds=20)

    found = await world.services.secrets.made_by(world.policy.vault_url, world.policy.secret_name, first.rotation_id)

    assert found
    known = (found.rotation_id, found.slot_hint, found.fingerprint)
    assert (first.rotation_id, Slot.PRIMARY, first.key.fingerprint) == known


async def test_a_disabled_version_has_no_fingerprint(world: World) -> None:
    await world.services.secrets.publish(await version(world), now=datetime.now(UTC), timeout_seconds=20)
    world.disable_secret()

    newest, key = await world.services.secrets.newest_with_key(world.policy.vault_url, world.policy.secret_name)

    assert newest
    assert (None, False, None) == (newest.fingerprint, newest.enabled, key)


# -- topic and queue


async def test_an_event_that_is_sent_twice_keeps_its_id(world: World) -> None:
    rotation = str(uuid.uuid4())
    event = OutgoingEvent(
        kind="KeyRotated",
        rotation_id=rotation,
        source=str(world.resource),
        subject="chat",
        time=NOW,
        data={"rotation_id": rotation},
    )

    await world.services.events.publish(event)
    await world.services.events.publish(event)

    assert [f"{rotation}-KeyRotated"] * 2 == world.events()


async def test_a_topic_in_reach_raises_nothing(world: World) -> None:
    await world.services.events.reach()


async def test_a_message_arrives_as_it_was_sent(world: World) -> None:
    sent = item(world, reason="Überfällig \x00", force=True)

    await world.services.queue.send(sent)

    [found] = [each for each in world.messages() if each.rotation_id == sent.rotation_id]
    assert sent == found.model_copy(update={"installation": ""})


async def test_a_message_that_names_an_installation_keeps_the_name(world: World) -> None:
    sent = item(world).model_copy(update={"installation": "another"})

    await world.services.queue.send(sent)

    assert [sent] == [each for each in world.messages() if each.rotation_id == sent.rotation_id]
