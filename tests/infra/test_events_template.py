"""infra/events.bicep, predicted: where Azure's events go, by webhook and by the platform's own trigger."""

from typing import Any

import pytest

from tests.infra.compiler import Compiler, Predicted
from tests.infra.installations import OTHER, OWN, group, vault

WEBHOOK = {"functionAppName": "func-rotation", "eventsKey": "the-key", "keyVaultId": vault("mine")}
TRIGGER = {"functionAppName": "func-rotation", "receiver": "incoming_event", "keyVaultId": vault("mine")}


def predict(compiler: Compiler, parameters: dict[str, Any]) -> Predicted:
    where = {"subscriptionId": OWN, "tenantId": OWN, "resourceGroup": "rg-rotation", "location": "westeurope"}
    return compiler.predict("events.bicep", parameters, **where, deploymentName="events")


def destinations(deployment: Predicted) -> list[dict[str, Any]]:
    made = deployment.of("Microsoft.EventGrid/systemTopics/eventSubscriptions")
    return [each["properties"]["destination"] for each in made]


def test_webhook_is_called_with_its_key(compiler: Compiler) -> None:
    assert ["WebHook", "WebHook"] == [each["endpointType"] for each in destinations(predict(compiler, WEBHOOK))]


def test_trigger_needs_no_key(compiler: Compiler) -> None:
    """The one switch is RECEIVER in scripts/hooks/postdeploy.py."""
    function = f"{group('rg-rotation')}/providers/Microsoft.Web/sites/func-rotation/functions/incoming_event"

    assert [{"endpointType": "AzureFunction", "properties": {"resourceId": function, "maxEventsPerBatch": 1}}] * 2 == (
        destinations(predict(compiler, TRIGGER))
    )


def test_each_source_gets_its_topic_where_azure_wants_it(compiler: Compiler) -> None:
    topics = predict(compiler, WEBHOOK).of("Microsoft.EventGrid/systemTopics")

    assert {vault("mine"): "Security", f"/subscriptions/{OWN}": "rg-rotation"} == {
        topic["properties"]["source"]: topic["id"].split("/")[4] for topic in topics
    }


@pytest.mark.parametrize("parameters", [WEBHOOK, TRIGGER])
def test_topics_of_others_are_used_and_none_is_made(compiler: Compiler, parameters: dict[str, str]) -> None:
    existing = {
        "keyVaultTopicName": "vaults",
        "subscriptionTopicName": "all",
        "subscriptionTopicResourceGroup": "governance",
    }
    deployment = predict(compiler, parameters | existing)
    made = deployment.of("Microsoft.EventGrid/systemTopics/eventSubscriptions")

    assert [] == deployment.of("Microsoft.EventGrid/systemTopics")
    assert [("Security", "vaults"), ("governance", "all")] == [
        (each["id"].split("/")[4], each["id"].split("/")[8]) for each in made
    ]


def test_only_regenerated_keys_of_signalr_are_delivered(compiler: Compiler) -> None:
    made = predict(compiler, WEBHOOK).of("Microsoft.EventGrid/systemTopics/eventSubscriptions")
    filters = [each["properties"]["filter"]["advancedFilters"] for each in made]

    assert [[], [("StringEndsWith", "data.operationName", ["/signalR/regeneratekey/action"])]] == [
        [(each["operatorType"], each["key"], each["values"]) for each in of_one] for of_one in filters
    ]


def test_vault_in_another_subscription_has_its_topic_there(compiler: Compiler) -> None:
    deployment = predict(compiler, WEBHOOK | {"keyVaultId": vault("theirs", OTHER)})

    assert [OTHER, OWN] == [topic["id"].split("/")[2] for topic in deployment.of("Microsoft.EventGrid/systemTopics")]
