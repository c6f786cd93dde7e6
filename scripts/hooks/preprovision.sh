#!/bin/sh
# Refuses to provision before it is said what to rotate: the app would start with nothing to do, and say so in its log only.
set -eu

if [ -z "${SIGNALR_RESOURCE_IDS:-}${SIGNALR_RESOURCE_GROUP_IDS:-}${SIGNALR_SUBSCRIPTION_IDS:-}" ]; then
    cat >&2 <<'TEXT'
Nothing to rotate yet. Name one or more of these, the narrowest that fits, and start again:

  azd env set SIGNALR_RESOURCE_IDS       "<ARM ids of SignalR resources, separated by commas>"
  azd env set SIGNALR_RESOURCE_GROUP_IDS "<ARM ids of resource groups: their resources tagged key-rotation=enabled>"
  azd env set SIGNALR_SUBSCRIPTION_IDS   "<subscription GUIDs: their resources tagged key-rotation=enabled>"
TEXT
    exit 1
fi
