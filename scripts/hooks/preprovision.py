# ruff: noqa: INP001 - a script; scripts/ is no package
"""Before azd provisions: refuses what would fail late or start with nothing to do, and looks for a deleted vault.

All faults are reported together. What the operator may not look at is not held against the installation.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lifecycle import (
    SCOPES,
    CommandFailed,
    Stop,
    arm_ids,
    az,
    azd_set,
    guids,
    names_to_keep,
    needed,
    run,
    say,
    settings,
    warn,
)

_SHOW = ("resource", "show", "--ids")
GUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
IN_GROUP = rf"/subscriptions/{GUID}/resourcegroups/[^/]+"
SHAPES = {
    "SIGNALR_RESOURCE_IDS": rf"{IN_GROUP}/providers/microsoft\.signalrservice/signalr/[^/]+",
    "SIGNALR_RESOURCE_GROUP_IDS": IN_GROUP,
    "EXISTING_KEY_VAULT_ID": rf"{IN_GROUP}/providers/microsoft\.keyvault/vaults/[^/]+",
    "ADDITIONAL_KEY_VAULT_IDS": rf"{IN_GROUP}/providers/microsoft\.keyvault/vaults/[^/]+",
    "EXISTING_WORKSPACE_ID": rf"{IN_GROUP}/providers/microsoft\.operationalinsights/workspaces/[^/]+",
    "EXISTING_TOPIC_ID": rf"{IN_GROUP}/providers/microsoft\.eventgrid/topics/[^/]+",
    "APP_SUBNET_ID": rf"{IN_GROUP}/providers/microsoft\.network/virtualnetworks/[^/]+/subnets/[^/]+",
    "ENDPOINT_SUBNET_ID": rf"{IN_GROUP}/providers/microsoft\.network/virtualnetworks/[^/]+/subnets/[^/]+",
    "PRIVATE_DNS_ZONES_GROUP_ID": IN_GROUP,
}
NOTHING = """Nothing to rotate yet. Name one or more of these, the narrowest that fits, and start again:

  azd env set SIGNALR_RESOURCE_IDS       "<ARM ids of SignalR resources, separated by commas>"
  azd env set SIGNALR_RESOURCE_GROUP_IDS "<ARM ids of resource groups: their resources tagged key-rotation=enabled>"
  azd env set SIGNALR_SUBSCRIPTION_IDS   "<subscription GUIDs: their resources tagged key-rotation=enabled>\""""


def wrong(given: dict[str, str]) -> list[str]:
    """What can be seen to be wrong without asking Azure."""
    if not any(given.get(name, "").strip() for name in SCOPES):
        return [NOTHING]
    faults = [
        f"{name}: {id_} is not the ARM id of such a thing."
        for name, shape in SHAPES.items()
        for id_ in arm_ids(given.get(name, ""))
        if not re.fullmatch(shape, id_)
    ]
    faults += [
        f"{name}: {id_} is not a GUID."
        for name in ("SIGNALR_SUBSCRIPTION_IDS", "VAULT_READER_PRINCIPAL_IDS")
        for id_ in guids(given.get(name, ""))
        if not re.fullmatch(GUID, id_)
    ]
    for first, second in (("APP_SUBNET_ID", "ENDPOINT_SUBNET_ID"), ("ROTATOR_ROLE_ID", "OPERATION_READER_ROLE_ID")):
        if bool(given.get(first)) != bool(given.get(second)):
            faults.append(f"{first} and {second} go together: set both or none.")
    if names_to_keep(given):
        faults.append(_second_installation(given["FUNCTION_APP_NAME"]))
    if given.get("NAME_TOKEN") and not re.fullmatch("[a-z0-9]{1,13}", given["NAME_TOKEN"]):
        faults.append("NAME_TOKEN: 1 to 13 lower-case letters and digits.")
    if given.get("APP_SUBNET_ID") and given.get("VNET_ENABLED", "").lower() != "true":
        faults.append("APP_SUBNET_ID needs VNET_ENABLED=true.")
    return faults


def told_by_azure(given: dict[str, str]) -> list[str]:
    """What Azure says of the region, the network's provider and the vault."""
    faults = []
    region = _region(given["AZURE_LOCATION"])
    offered = _asked("functionapp", "list-flexconsumption-locations")
    if offered and region not in {_region(each["name"]) for each in offered}:
        faults.append(f"AZURE_LOCATION: {region} does not offer Flex Consumption.")
    if given.get("VNET_ENABLED", "").lower() == "true":
        provider = _asked("provider", "show", "--namespace", "Microsoft.App", *_own(given))
        if provider and provider.get("registrationState") != "Registered":
            faults.append("VNET_ENABLED: register the network's provider first: az provider register -n Microsoft.App")
    for id_ in arm_ids(f"{given.get('EXISTING_KEY_VAULT_ID', '')} {given.get('ADDITIONAL_KEY_VAULT_IDS', '')}"):
        vault = _asked(*_SHOW, id_)
        if vault and not vault["properties"].get("enableRbacAuthorization"):
            faults.append(f"{id_} uses access policies: it must use Azure RBAC.")
    known = any(given.get(name) for name in ("NAME_TOKEN", "INSTALLATION_ID", "FUNCTION_APP_NAME"))
    if not known:
        faults += [_second_installation(name) for name in _apps_of_other_names(given)]
    # Named anew after an installation, a group is as foreign as before a first one.
    elsewhere = given.get("AZURE_RESOURCE_GROUP") or _group(given)
    if not known or elsewhere.lower() != _group(given).lower():
        faults += _group_of_others(given)
    return faults


def _group_of_others(given: dict[str, str]) -> list[str]:
    """A group that holds what others made: a provision would give it the tag by which scripts/remove deletes it."""
    name, where = _group(given), _own(given)
    if not _asked("group", "exists", "--name", name, *where):
        return []
    found = _asked("group", "show", "--name", name, *where)
    if not found or (found.get("tags") or {}).get("azd-env-name") == given["AZURE_ENV_NAME"]:
        return []
    if not _asked("resource", "list", "--resource-group", name, *where):
        return []
    fault = (
        f"The resource group {name} exists and is not empty, and this environment did not make it: what is in it would"
        " go when the installation is removed. Name another one, which is then made:"
        " azd env set AZURE_RESOURCE_GROUP_NAME <name>"
    )
    return [fault]


def _apps_of_other_names(given: dict[str, str]) -> Iterator[str]:
    """The function app of a version that hashed names otherwise: on a runner azd's environment has no word of it."""
    sites = _asked("resource", "list", "--resource-type", "Microsoft.Web/sites", *_own(given)) or []
    for site in sites:
        if _is_of_installation(site["id"], site.get("tags"), given):
            known = _asked("functionapp", "config", "appsettings", "list", "--ids", site["id"], "--query", "[].name")
            if "ROTATION_SCHEDULE" in (known or []) and "ROTATION_WAVES" not in known:  # not of that version
                yield site["name"]


def _second_installation(app: str) -> str:
    token = app.removeprefix("func-")
    return (
        f"{app} was made by a version that gave other names: this would make a second installation beside it."
        f" scripts/upgrade keeps the names (NAME_TOKEN={token}), and the settings too; in a workflow set that variable."
    )


def _own(given: dict[str, str]) -> tuple[str, str]:
    return "--subscription", given["AZURE_SUBSCRIPTION_ID"]


def _group(given: dict[str, str]) -> str:
    return given.get("AZURE_RESOURCE_GROUP_NAME") or f"rg-{given['AZURE_ENV_NAME']}"


def _is_of_installation(id_: str, tags: dict[str, str] | None, given: dict[str, str]) -> bool:
    """Whether a thing is, or was, in the resource group of the installation, and has its tag."""
    within = f"/subscriptions/{given['AZURE_SUBSCRIPTION_ID']}/resourcegroups/{_group(given)}/".lower()
    return (tags or {}).get("azd-env-name") == given["AZURE_ENV_NAME"] and id_.lower().startswith(within)


def deleted_vault(given: dict[str, str]) -> dict[str, Any] | None:
    """The vault of this installation, where it was deleted and not purged: its name is taken until it is recovered."""
    if given.get("EXISTING_KEY_VAULT_ID"):
        return None
    for vault in _asked("keyvault", "list-deleted", "--resource-type", "vault", *_own(given)) or []:
        was = vault["properties"]
        mine = _is_of_installation(was["vaultId"], was.get("tags"), given) and _is_made(vault["name"], given)
        if mine and _region(was["location"]) == _region(given["AZURE_LOCATION"]):
            return None if _has_another_vault(vault["name"], given) else dict(vault)
        if mine and (given.get("KEY_VAULT_NAME") or given.get("NAME_TOKEN")):
            raise Stop(
                f"The name {vault['name']} is that of a deleted vault in {was['location']}, and a vault is recovered in"
                ' its own region only. For one of another name: azd env set KEY_VAULT_NAME "" (or NAME_TOKEN).'
            )
    return None


def _has_another_vault(name: str, given: dict[str, str]) -> bool:
    """Whether the installation runs with a vault of its own already, which it would lose for the deleted one."""
    now = given.get("KEY_VAULT_ID", "")
    within = f"/resourcegroups/{_group(given)}/".lower()
    return within in now.lower() and not now.lower().endswith(f"/{name.lower()}") and bool(_asked(*_SHOW, now))


def _is_made(name: str, given: dict[str, str]) -> bool:
    """Whether a provision makes a vault of this name. An earlier one of the installation may have had another."""
    chosen = given.get("KEY_VAULT_NAME") or (f"kv-{given['NAME_TOKEN']}" if given.get("NAME_TOKEN") else "")
    if chosen:
        return name.lower() == chosen.lower()
    return bool(re.fullmatch(r"kv-[a-z0-9]{13}", name))  # as uniqueString() makes it, of whatever a version hashed


def recover(vault: dict[str, Any], given: dict[str, str]) -> None:
    """Have the vault recovered under its own name: a version that hashed otherwise gave it another."""
    name = vault["name"]
    say(
        f"The vault {name} was deleted and is recovered, with the secrets in it and its network access of before."
        " Run `azd provision` once more when this one is done: only then it has the access that VNET_ENABLED asks for."
    )
    azd_set("RECOVER_KEY_VAULT", "true")
    if not given.get("KEY_VAULT_NAME") and not given.get("NAME_TOKEN"):
        azd_set("KEY_VAULT_NAME", name)
        say(f"KEY_VAULT_NAME={name} keeps its name; in a workflow, set that variable.")


def main() -> int:
    """Check, then settle whether a vault is recovered."""
    given = settings()
    needed(given, "AZURE_ENV_NAME")
    if faults := wrong(given):
        raise Stop("\n".join(faults))
    # On the very first run azd may ask for these after this hook.
    if missing := [name for name in ("AZURE_SUBSCRIPTION_ID", "AZURE_LOCATION") if not given.get(name)]:
        warn(f"Not checked in Azure: {' and '.join(missing)} not set yet. `azd env new` can set both.")
        return 0
    subscription = given["AZURE_SUBSCRIPTION_ID"]
    try:
        az("account", "show", "--subscription", subscription)
    except CommandFailed as error:
        raise Stop(f"az is needed, signed in to {subscription}: the hook postdeploy uses it too.\n{error}") from None
    if faults := told_by_azure(given):
        raise Stop("\n".join(faults))
    vault = deleted_vault(given)
    # Settled anew each time: recovering a vault that was not deleted fails.
    if vault:
        recover(vault, given)
    elif given.get("RECOVER_KEY_VAULT", "").lower() == "true":
        azd_set("RECOVER_KEY_VAULT", "false")
    return 0


def _asked(*words: str) -> Any:  # noqa: ANN401 - Azure's answers are JSON
    try:
        return az(*words)
    except CommandFailed as error:
        warn(f"Not checked: {error}")
        return None


def _region(text: str) -> str:
    return text.replace(" ", "").lower()


if __name__ == "__main__":
    run(main)
