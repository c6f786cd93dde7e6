"""An installation that runs, as Azure answers of it, for what removes, narrows and upgrades it."""

from pathlib import Path
from typing import Any

from tests.infra.installations import OTHER, OWN, THIRD, group, signalr
from tests.infra.recorder import Done, Recorder

PRINCIPAL, HASH = "99999999-9999-9999-9999-999999999999", "abcdefghijklm"
INSTALLED = {
    "AZURE_ENV_NAME": "rotation",
    "AZURE_SUBSCRIPTION_ID": OWN,
    "AZURE_RESOURCE_GROUP": "rg-rotation",
    "IDENTITY_PRINCIPAL_ID": PRINCIPAL,
    "INSTALLATION_ID": HASH,
    "FUNCTION_APP_NAME": "func-rotation",
    "SIGNALR_RESOURCE_IDS": signalr("Chat"),
}
ROTATOR, READER = "SignalR key rotator (rotation, abc)", "SignalR operation reader (rotation, abc)"


def assignment(scope: str, role: str = ROTATOR, principal: str = PRINCIPAL) -> dict[str, str]:
    id_ = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{len(scope)}"
    return {"id": id_, "scope": scope, "roleDefinitionName": role, "principalId": principal}


def role(subscription: str, name: str = ROTATOR, installation: str = HASH) -> dict[str, Any]:
    return {
        "name": f"guid-{subscription[0]}-{name.split(' ')[1]}",
        "roleName": name,
        "description": f"Reads. Nothing else. Installation {installation}.",
        "assignableScopes": [f"/subscriptions/{subscription}"],
    }


def topic(name: str, where: str, source: str) -> dict[str, Any]:
    return {
        "id": f"{where}/providers/Microsoft.EventGrid/systemTopics/{name}",
        "name": name,
        "properties": {"source": source},
    }


def azure_with_an_installation(home: Path) -> Recorder:
    """An installation in OWN with rights on one resource there and on all of OTHER."""
    recorder = Recorder(home)
    states = ((OWN, "Enabled"), (OTHER, "Enabled"), (THIRD, "Disabled"))
    recorder.answer("account list", [{"id": id_, "state": state} for id_, state in states])
    recorder.answer("group list .*--tag azd-env-name=rotation", [{"name": "rg-rotation"}])
    recorder.answer(f"role assignment list .*{OTHER}", [assignment(f"/subscriptions/{OTHER}")])
    recorder.answer(
        f"role assignment list .*{OWN}",
        [
            assignment(signalr("Chat")),
            assignment(f"/subscriptions/{OWN}", READER),
            assignment(f"{group('rg-rotation')}/providers/Microsoft.Storage/storageAccounts/st", "Blob Data Owner"),
            assignment(signalr("Chat"), principal="somebody else"),
        ],
    )
    recorder.answer(f"role definition list .*{OWN}", [role(OWN), role(OWN, READER), role(OWN, installation="another")])
    recorder.answer(f"role definition list .*{OTHER}", [role(OTHER), role(OTHER, READER), role(OWN)])
    recorder.answer("systemTopics.api", {"value": [topic("evgst", group("rg-rotation"), f"/subscriptions/{OWN}")]})
    recorder.answer("eventSubscriptions", {"value": [{"id": "x", "name": "func-rotation"}]})
    recorder.answer("config/appsettings/list", {"properties": {"OVERLAP_HOURS": "24", "KEY_VAULT_URL": "https://kv"}})
    return recorder


def run(azure: Recorder, script: str, *words: str, typed: str = "", **variables: str) -> Done:
    return azure.run(script, *words, typed=typed, **INSTALLED | variables)
