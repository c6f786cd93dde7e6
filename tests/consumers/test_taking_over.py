"""docs/how-to/take-over-from-another-rotator.md: the secret of another rotator is taken over, and no key changes."""

from typing import Any

import pytest

from tests.http.conftest import HttpWorld
from tests.world import secret_name


def foreign(world: HttpWorld, slot: str, credential: str, **tags: str) -> str:
    """A resource whose secret was made after Microsoft's tutorial: a bare key, and the tutorial's tags."""
    resource = world.resource(**{"key-rotation-overlap-hours": "0"} | tags)
    its_tags = {"CredentialId": credential, "ProviderAddress": resource, "ValidityPeriodDays": "60"}
    world.azure.put_secret(secret_name(resource), world.azure.valid_keys(resource)[slot], tags=its_tags)
    return resource


def preview(world: HttpWorld, resource: str) -> dict[str, Any]:
    body = {"resource": resource, "mode": "resync", "dryRun": True}
    [one] = world.rotate(body).json()["previews"]
    return dict(one["decision"])


@pytest.mark.parametrize(
    ("slot", "credential"),
    [
        ("Primary", "key1"),
        ("Secondary", "key2"),
        ("Secondary", "key1"),
        ("Secondary", "Secondary"),
        ("Primary", "Secondary"),
    ],
)
def test_no_key_changes_whatever_the_tag_says(world: HttpWorld, slot: str, credential: str) -> None:
    resource = foreign(world, slot, credential, **{"key-rotation-format": "access-key"})
    before = world.azure.valid_keys(resource)

    foreseen = preview(world, resource)
    world.rotated(resource, mode="resync")

    assert "AlreadyLive" == foreseen["code"]
    assert before == world.azure.valid_keys(resource)
    assert before[slot] == world.versions(resource)[-1]["value"]


@pytest.mark.parametrize("tags", [{}, {"key-rotation-format": "access-key"}], ids=["as it was", "named by tag"])
def test_the_next_rotation_regenerates_the_other_key_and_keeps_the_form(world: HttpWorld, tags: dict[str, str]) -> None:
    resource = foreign(world, "Secondary", "key2", **tags)
    published = world.azure.valid_keys(resource)["Secondary"]

    world.rotated(resource)

    live = world.azure.valid_keys(resource)
    assert published == live["Secondary"]
    assert live["Primary"] == world.versions(resource)[-1]["value"]


def test_secret_that_holds_no_valid_key_is_foreseen(world: HttpWorld) -> None:
    resource = foreign(world, "Primary", "key1", **{"key-rotation-format": "access-key"})
    world.azure.regenerate_in_portal(resource, "Primary")

    assert "Publish" == preview(world, resource)["action"]
