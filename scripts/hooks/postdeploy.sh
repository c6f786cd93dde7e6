#!/bin/sh
# Subscribes the deployed app to Key Vault's expiry events and to keys renewed by others (infra/events.bicep).
#
# Event Grid calls the function `events` with a key made for that function alone. The key goes from Azure to Azure through
# a file that only this user can read: not on a command line, not into azd's environment.
set -eu
cd "$(dirname "$0")/../.."

: "${AZURE_SUBSCRIPTION_ID:?run by azd, or export it: the subscription of the installation}"
: "${AZURE_RESOURCE_GROUP:?run by azd, or export it: an output of infra/main.bicep}"
: "${FUNCTION_APP_NAME:?run by azd, or export it: an output of infra/main.bicep}"
: "${KEY_VAULT_ID:?run by azd, or export it: an output of infra/main.bicep}"

events_keys() {
    verb=$1
    shift
    az functionapp function keys "$verb" --subscription "$AZURE_SUBSCRIPTION_ID" --resource-group "$AZURE_RESOURCE_GROUP" \
        --name "$FUNCTION_APP_NAME" --function-name events "$@"
}

# The platform lists a function some time after its code has arrived.
attempt=1
until events_keys list --output none 2>/dev/null; do
    if [ "$attempt" -ge 20 ]; then
        echo "The function 'events' of $FUNCTION_APP_NAME does not show up. Is the code deployed, and did it start?" >&2
        exit 1
    fi
    attempt=$((attempt + 1))
    sleep "${RETRY_SECONDS:-15}"
done

if [ -z "$(events_keys list --query eventgrid --output tsv)" ]; then
    events_keys set --key-name eventgrid --output none
fi

parameters=$(mktemp)
trap 'rm -f "$parameters"' EXIT
{
    # shellcheck disable=SC2016  # $schema is JSON's word, not ours
    printf '{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#",'
    printf ' "contentVersion": "1.0.0.0", "parameters": {"eventsKey": {"value": "%s"}}}' \
        "$(events_keys list --query eventgrid --output tsv)"
} >"$parameters"

az deployment group create --subscription "$AZURE_SUBSCRIPTION_ID" --resource-group "$AZURE_RESOURCE_GROUP" \
    --name events --template-file infra/events.bicep --output none --parameters "@$parameters" \
    --parameters functionAppName="$FUNCTION_APP_NAME" keyVaultId="$KEY_VAULT_ID" \
    keyVaultTopicName="${KEY_VAULT_SYSTEM_TOPIC:-}" subscriptionTopicName="${SUBSCRIPTION_SYSTEM_TOPIC:-}" \
    subscriptionTopicResourceGroup="${SUBSCRIPTION_SYSTEM_TOPIC_GROUP:-$AZURE_RESOURCE_GROUP}"

echo "$FUNCTION_APP_NAME hears of expiring secrets and of keys renewed by others."
