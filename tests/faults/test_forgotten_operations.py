"""The record is lost while ARM regenerates a key: nothing tells the app of that operation, which ends all the same."""

import asyncio

import pytest

from shared.domain.keys import KeyType, Slot
from tests.faults.asking import MOVED, ROTATE, again, ask, keys_in, looked_at
from tests.faults.history import SWEEP
from tests.faults.meddling import Meddling
from tests.faults.memory import VAULT

PUBLISHED_BY_FORCE = {**ROTATE, "force": True, "key_type": KeyType.PRIMARY}
SALT = {**ROTATE, "key_type": KeyType.SALT}


def test_a_salt_is_regenerated_once_though_another_operation_ends_meanwhile(history: Meddling) -> None:
    ask(history, ROTATE, ("killed after", "regenerate"))
    history.lose_the_record()
    ask(history, SALT)  # ARM is not done, and takes no other operation
    history.time_passes(hours=0.02)
    again(history)
    history.sweep()

    assert (1, "key-5") == (history.cloud.resource.salts, history.cloud.resource.keys[Slot.SECONDARY])


@pytest.mark.parametrize("seconds", [0, 2.3, 2.5, 4])
def test_a_key_that_is_adopted_while_it_is_replaced_gives_way_to_the_new_one(history: Meddling, seconds: float) -> None:
    ask(history, PUBLISHED_BY_FORCE, ("killed after", "regenerate"))
    history.lose_the_record()
    history.rename_by_tag(secret=MOVED, vault=VAULT)
    history.loop.run_until_complete(asyncio.sleep(seconds))
    ask(history, SWEEP)  # nothing tells which key clients have: Primary is adopted
    history.time_passes(hours=0.02)
    looked_at(history)
    history.sweep()

    assert "key-5" == keys_in(history, (VAULT, MOVED))[-1] == history.cloud.resource.keys[Slot.PRIMARY]
