"""What the settings and a resource's own tags make of its policy."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from shared.domain.errors import Misconfigured
from shared.domain.keys import SecretFormat
from shared.domain.policy import Policy, PolicyDefaults
from shared.domain.resources import Resource, ResourceId

DEFAULTS = PolicyDefaults(
    period_days=60,
    overlap_hours=48,
    vault_url="https://vault",
    vaults=frozenset({"https://vault"}),
    secret_name_template="{name}",  # noqa: S106 - a template
    secret_format=SecretFormat.CONNECTION_STRING,
    retire_after_hours=72,
    window="Mon-Thu 09:00-16:00 Europe/Berlin",
    notice_days=7,
    spread_hours=24,
)
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def policy(name: str = "chat", **tags: str) -> Policy:
    resource = ResourceId("5ab5c4b0-0000-4000-8000-000000000001", "live", name)
    tags = {f"key-rotation-{tag.replace('_', '-')}": value for tag, value in tags.items()}
    return DEFAULTS.policy_of(Resource(resource, "Succeeded", local_auth_disabled=False, tags=tags))


def test_the_settings_hold_where_no_tag_says_otherwise() -> None:
    made = policy()

    assert (timedelta(hours=72), timedelta(days=7)) == (made.retire_after, made.notice)
    assert DEFAULTS.window == (made.window and made.window.text)


def test_tags_override_them() -> None:
    made = policy(retire_after_hours="100", window="Sat 22:00-04:00 UTC", notice_days="2")

    assert (timedelta(hours=100), timedelta(days=2)) == (made.retire_after, made.notice)
    assert "Sat 22:00-04:00 UTC" == (made.window and made.window.text)


def test_tags_switch_them_off() -> None:
    made = policy(retire_after_hours="0", window="Always", notice_days="0")

    assert (None, None, timedelta()) == (made.retire_after, made.window, made.notice)


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"retire_after_hours": "soon"}, ("key-rotation-retire-after-hours", "'soon'", "from 0, up to 87600")),
        ({"retire_after_hours": "47"}, ("key-rotation-retire-after-hours", "'47'", "OVERLAP_HOURS: 48")),
        ({"overlap_hours": "80"}, ("key-rotation-overlap-hours", "'80'", "RETIRE_PREVIOUS_AFTER_HOURS (72)")),
        ({"window": "Mon 09:00 UTC"}, ("key-rotation-window", "'Mon 09:00 UTC'", "an IANA time zone")),
        ({"notice_days": "-1"}, ("key-rotation-notice-days", "'-1'", "from 0, up to 3650")),
        ({"days": "2"}, ("key-rotation-days", "'2'", "longer than the overlap (OVERLAP_HOURS: 48)")),
        (
            {"days": "2", "overlap_hours": "50"},
            ("key-rotation-overlap-hours", "'50'", "less than the period (48 hours)"),
        ),
        ({"days": "0"}, ("key-rotation-days", "'0'", "above 0, up to 3650")),
    ],
)
def test_a_wrong_tag_is_named_with_its_value_and_what_is_allowed(tags: dict[str, str], said: tuple[str, ...]) -> None:
    with pytest.raises(Misconfigured) as caught:
        policy(**tags)

    assert [] == [each for each in said if each not in caught.value.message]


def test_a_fleet_is_due_over_all_the_hours_of_the_spread() -> None:
    due = sorted(policy(f"chat{number}").due(NOW) for number in range(240))
    latest = NOW + timedelta(days=60)

    assert latest - timedelta(hours=24) < due[0] <= due[-1] <= latest
    assert timedelta(hours=1.5) > max(later - earlier for earlier, later in pairwise(due))


def test_a_resource_keeps_its_place_in_the_spread() -> None:
    assert policy("chat").spread == policy("CHAT").spread


def test_a_short_period_is_spread_by_a_tenth_and_not_into_the_overlap() -> None:
    """A resource at the very end of the spread: two hundred of them, so that one is near it."""
    spreads = [policy(f"chat{number}", days="2.1").spread for number in range(200)]
    tenths = [policy(f"chat{number}", days="5").spread for number in range(200)]

    assert timedelta(hours=2.2) < max(spreads) <= timedelta(hours=2.4)
    assert timedelta(hours=11) < max(tenths) <= timedelta(hours=12)


@pytest.mark.parametrize(("hours", "days"), [("0", 120), ("72", 63)])
def test_a_key_lives_one_period_and_then_until_it_is_invalidated_or_its_turn_comes(hours: str, days: float) -> None:
    assert timedelta(days=days) == policy(retire_after_hours=hours).max_key_age
