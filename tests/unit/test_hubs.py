"""Hubs: what they may be called, and what versions that knew none have written."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from local.azure.signalr.rest_routes import HUB
from shared.domain.hubs import distinct
from shared.domain.record import Record
from shared.domain.requests import Mode, RotationCommand, WorkItem
from shared.domain.resources import ResourceId
from shared.http.rotate_request import RotateBody

NOW = datetime(2026, 6, 1, tzinfo=UTC)
RESOURCE = ResourceId("5ab5c4b0-0000-4000-8000-000000000001", "live", "chat")
NAMES = ("chat", "Chat_2", "a`b,c.d[e]", "x" * 128, "x" * 129, "", "2chat", "my-hub", "_chat", "a b", "h\u00fcb", "a/b")


def revocation(*hubs: str) -> RotationCommand:
    return RotationCommand("http", RESOURCE, Mode.REVOKE, close_connections=hubs)


def taken(hub: str) -> bool:
    try:
        RotateBody(resource=str(RESOURCE), mode="revoke", closeConnections=[hub])
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("name", [*NAMES, "chat\n"])
def test_a_name_is_taken_where_the_service_takes_it(name: str) -> None:
    assert bool(HUB.fullmatch(name)) is taken(name)


def test_the_queue_brings_no_other_names_in() -> None:
    message = revocation("chat").for_resource(RESOURCE, NOW).model_dump(mode="json", by_alias=True)

    with pytest.raises(ValidationError):
        WorkItem.model_validate(message | {"closeConnections": ["../users/ann"]})


def test_a_hub_is_cut_once_however_it_is_written() -> None:
    assert ("Chat", "news") == distinct(["Chat", "news", "chat", "NEWS"])


def test_a_message_without_hubs_is_read() -> None:
    message = revocation().for_resource(RESOURCE, NOW).model_dump(mode="json", by_alias=True)
    del message["closeConnections"]

    assert () == WorkItem.model_validate(message).close_connections


def test_a_retirement_without_hubs_is_read() -> None:
    stored = '{"resource": "chat", "format": 2, "retirement": {"fingerprint": "one", "after": "2026-06-01T00:00:00Z"}}'

    retirement = Record.read(stored.encode()).retirement

    assert retirement
    assert () == retirement.close_connections


def test_a_command_without_hubs_means_what_it_meant() -> None:
    """The claims of idempotency keys hold this text."""
    assert f'["{RESOURCE.key}", "revoke", null, false, null, ""]' == revocation().meaning


def test_the_same_hubs_mean_the_same_in_any_order() -> None:
    assert revocation("chat", "News").meaning == revocation("news", "Chat").meaning
    assert revocation("chat").meaning != revocation("news").meaning
