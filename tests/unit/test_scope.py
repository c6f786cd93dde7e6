"""Where resources are discovered."""

import pytest

from shared.domain.resources import ResourceId, Scope
from shared.settings import Settings

SUBSCRIPTION = "5ab5c4b0-0000-4000-8000-00000000000a"
OTHER = "5ab5c4b0-0000-4000-8000-00000000000b"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/live"


def resource(subscription: str, group: str) -> ResourceId:
    return ResourceId(subscription, group, "chat")


def settings(**scopes: str) -> Settings:
    return Settings.model_validate(
        {
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "KEY_VAULT_URL": "https://contoso.vault.azure.net",
            "EVENT_GRID_TOPIC_ENDPOINT": "https://topic.westeurope-1.eventgrid.azure.net/api/events",
            **scopes,
        }
    )


@pytest.mark.parametrize(
    ("subscription", "group", "covered"),
    [(SUBSCRIPTION, "LIVE", True), (SUBSCRIPTION, "test", False), (OTHER, "live", False)],
)
def test_a_group_covers_what_is_in_it_in_any_case(subscription: str, group: str, covered: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert covered == Scope.of_group(GROUP.upper()).covers(resource(subscription, group))


def test_a_subscription_covers_all_of_its_groups() -> None:
    assert Scope(SUBSCRIPTION).covers(resource(SUBSCRIPTION, "live"))
    assert not Scope(SUBSCRIPTION).covers(resource(OTHER, "live"))


@pytest.mark.parametrize(
    "text", ["live", f"/subscriptions/{SUBSCRIPTION}", f"{GROUP}/providers/x", "/subscriptions/1/resourceGroups/a"]
)
def test_what_is_no_group_is_told_the_form(text: str) -> None:
    with pytest.raises(ValueError, match="expected /subscriptions/<guid>/resourceGroups/<group>"):
        Scope.of_group(text)


def test_a_group_of_a_subscription_that_is_searched_anyway_is_not_searched_twice() -> None:
    found = settings(
        SIGNALR_RESOURCE_GROUP_IDS=f"{GROUP}, {GROUP.upper()}", SIGNALR_SUBSCRIPTION_IDS=SUBSCRIPTION.upper()
    )

    assert (Scope(SUBSCRIPTION),) == found.scopes


def test_a_group_alone_is_something_to_rotate() -> None:
    assert (Scope(SUBSCRIPTION, "live"),) == settings(SIGNALR_RESOURCE_GROUP_IDS=GROUP).scopes
