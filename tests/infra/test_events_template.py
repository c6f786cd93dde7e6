"""infra/events.bicep, predicted: where Azure's events go."""

import runpy
from typing import Any

from tests.infra.compiler import Compiler, Predicted
from tests.infra.installations import OTHER, OWN, group, vault
from tests.infra.recorder import ROOT

GIVEN = {"functionAppName": "func-rotation", "keyVaultId": vault("mine")}


def predict(compiler: Compiler, parameters: dict[str, Any]) -> Predicted:
    where = {"subscriptionId": OWN, "tenantId": OWN, "resourceGroup": "rg-rotation", "location": "westeurope"}
    return compiler.predict("events.bicep", parameters, **where, deploymentName="events")


def destinations(deployment: Predicted) -> list[dict[str, Any]]:
    made = deployment.of("Microsoft.EventGrid/systemTopics/eventSubscriptions")
    return [each["properties"]["destination"] for each in made]


def test_both_go_to_the_apps_function_by_its_id_and_no_key_is_needed(compiler: Compiler) -> None:
    function = f"{group('rg-rotation')}/providers/Microsoft.Web/sites/func-rotation/functions/incoming_event"

    assert [{"endpointType": "AzureFunction", "properties": {"resourceId": function, "maxEventsPerBatch": 1}}] * 2 == (
        destinations(predict(compiler, GIVEN))
    )


def test_subscriptions_are_none_that_a_version_with_a_webhook_made(compiler: Compiler) -> None:
    """Their name was the app's; the scripts know both."""
    made = predict(compiler, GIVEN).of("Microsoft.EventGrid/systemTopics/eventSubscriptions")
    new, before = runpy.run_path(str(ROOT / "scripts" / "lifecycle.py"), run_name="lifecycle")["event_subscriptions"](
        "func-rotation"
    )

    assert [new, new] == [each["name"].split("/")[-1] for each in made]
    assert "func-rotation" == before


def test_each_source_gets_its_topic_where_azure_wants_it(compiler: Compiler) -> None:
    topics = predict(compiler, GIVEN).of("Microsoft.EventGrid/systemTopics")

    assert {vault("mine"): "Security", f"/subscriptions/{OWN}": "rg-rotation"} == {
        topic["properties"]["source"]: topic["id"].split("/")[4] for topic in topics
    }


def test_topics_of_others_are_used_and_none_is_made(compiler: Compiler) -> None:
    existing = {
        "keyVaultTopicName": "vaults",
        "subscriptionTopicName": "all",
        "subscriptionTopicResourceGroup": "governance",
    }
    deployment = predict(compiler, GIVEN | existing)
    made = deployment.of("Microsoft.EventGrid/systemTopics/eventSubscriptions")

    assert [] == deployment.of("Microsoft.EventGrid/systemTopics")
    assert [("Security", "vaults"), ("governance", "all")] == [
        (each["id"].split("/")[4], each["id"].split("/")[8]) for each in made
    ]


def test_only_regenerated_keys_of_signalr_are_delivered(compiler: Compiler) -> None:
    made = predict(compiler, GIVEN).of("Microsoft.EventGrid/systemTopics/eventSubscriptions")
    filters = [each["properties"]["filter"]["advancedFilters"] for each in made]

    assert [[], [("StringEndsWith", "data.operationName", ["/signalR/regeneratekey/action"])]] == [
        [(each["operatorType"], each["key"], each["values"]) for each in of_one] for of_one in filters
    ]


def test_vault_in_another_subscription_has_its_topic_there(compiler: Compiler) -> None:
    deployment = predict(compiler, GIVEN | {"keyVaultId": vault("theirs", OTHER)})

    assert [OTHER, OWN] == [topic["id"].split("/")[2] for topic in deployment.of("Microsoft.EventGrid/systemTopics")]
