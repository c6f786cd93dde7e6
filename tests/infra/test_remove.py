"""scripts/remove and a resource group that holds what others made; and the subnet that the app leaves first."""

import locale
import runpy
from pathlib import Path
from typing import Any

import pytest

from tests.infra.installations import SUBNETS, group
from tests.infra.installed import azure_with_an_installation, run
from tests.infra.recorder import ROOT, Recorder

OWN_TAG = {"azd-env-name": "rotation"}
PATCHED = f"{group('RG-rotation')}/providers/Microsoft.Network/virtualNetworks/vnet/subnets/app"


def thing(type_: str, name: str, tags: dict[str, str] | None = None) -> dict[str, Any]:
    """A resource of the group, as `az resource list` shows it."""
    namespace, *types = type_.split("/")
    path = "/".join(f"{kind}/{part}" for kind, part in zip(types, name.split("/"), strict=True))
    return {"id": f"{group('RG-rotation')}/providers/{namespace}/{path}", "name": name, "type": type_, "tags": tags}


APP = thing("Microsoft.Web/sites", "func-rotation", OWN_TAG)
VAULT = thing("Microsoft.KeyVault/vaults", "kv", OWN_TAG)
NETWORK = thing("Microsoft.Network/virtualNetworks", "vnet", OWN_TAG)
OWN = [
    APP,
    VAULT,
    NETWORK,
    thing("Microsoft.Network/privateEndpoints", "pe-kv-vault", OWN_TAG),
    thing("Microsoft.Network/networkInterfaces", "pe-kv-vault.nic.0b1c"),
    thing("Microsoft.Network/privateDnsZones", "privatelink.blob.core.windows.net", OWN_TAG),
    thing("Microsoft.Network/privateDnsZones/virtualNetworkLinks", "privatelink.blob.core.windows.net/app"),
    thing("Microsoft.EventGrid/systemTopics", "evgst-kv"),
    thing("microsoft.insights/actiongroups", "Application Insights Smart Detection"),
    thing("microsoft.alertsmanagement/smartDetectorAlertRules", "Failure Anomalies - appi"),
]


@pytest.fixture
def azure(tmp_path: Path) -> Recorder:
    recorder = azure_with_an_installation(tmp_path)
    recorder.answer("resource list", OWN)
    return recorder


def test_group_with_nothing_of_others_is_deleted(azure: Recorder) -> None:
    done = run(azure, "remove", "--yes")

    assert (0, 1) == (done.code, len(done.lines("az group delete")))


@pytest.mark.parametrize(
    "other",
    [
        thing("Microsoft.SignalRService/SignalR", "chat"),
        thing("Microsoft.SignalRService/WebPubSub", "chat", OWN_TAG),
        thing("Microsoft.Sql/servers", "orders"),
        thing("Microsoft.Sql/servers", "orders", {"azd-env-name": "second"}),
        thing("Microsoft.Sql/servers/databases", "orders/main"),
        thing("Microsoft.Network/networkInterfaces", "vm-nic"),
        thing("microsoft.insights/actiongroups", "on-call"),
    ],
    ids=lambda other: f"{other['type']} {other['name']}",
)
def test_group_with_something_of_others_stops_it_before_anything_is_done(
    azure: Recorder, other: dict[str, Any]
) -> None:
    azure.answer("resource list", [*OWN, other])
    done = run(azure, "remove", "--yes")

    assert 1 == done.code
    assert f"  {other['id']}\n" in done.err
    assert 1 == done.err.count("\n  /")
    assert [] == done.lines(
        "az role assignment delete", "az role definition delete", "az group delete", "az functionapp"
    )


@pytest.mark.parametrize(
    ("variable", "value", "stops"),
    [
        ("EXISTING_KEY_VAULT_ID", VAULT["id"], VAULT),
        ("ADDITIONAL_KEY_VAULT_IDS", f"{VAULT['id'].upper()}/", VAULT),
        ("APP_SUBNET_ID", f"{NETWORK['id']}/subnets/app", NETWORK),
        ("ENDPOINT_SUBNET_ID", f"{NETWORK['id']}/subnets/endpoints", NETWORK),
    ],
)
def test_what_a_variable_names_as_of_others_stops_it_whatever_its_tag(
    azure: Recorder, variable: str, value: str, stops: dict[str, Any]
) -> None:
    done = run(azure, "remove", "--yes", **{variable: value})

    assert 1 == done.code
    assert stops["id"] in done.err


def test_group_whose_contents_cannot_be_seen_is_not_deleted(azure: Recorder) -> None:
    azure.answer("resource list", {"failure": "AuthorizationFailed"})
    done = run(azure, "remove", "--yes")

    assert (1, []) == (done.code, done.lines("az group delete"))


def test_app_leaves_its_subnet_before_the_group_goes(azure: Recorder) -> None:
    azure.answer("sites/func-rotation.api", {"properties": {"virtualNetworkSubnetId": PATCHED}})
    done = run(azure, "remove", "--yes", APP_SUBNET_ID=SUBNETS["appSubnetId"])

    left, deleted = done.lines("az functionapp", "az group delete")
    assert left.startswith("az functionapp vnet-integration remove")
    assert deleted.startswith("az group delete")
    assert f"the subnet {SUBNETS['appSubnetId']}, with its delegation" in done.out


def test_group_stays_where_the_app_could_not_leave_its_subnet(azure: Recorder) -> None:
    azure.answer("sites/func-rotation.api", {"properties": {"virtualNetworkSubnetId": PATCHED}})
    azure.answer("vnet-integration remove", {"failure": "Conflict"})
    done = run(azure, "remove", "--yes")

    assert (1, []) == (done.code, done.lines("az group delete"))
    assert "Not done: take func-rotation out of the subnet" in done.err
    assert "Not begun: delete the resource group" in done.err


@pytest.mark.parametrize("code", [0, 1])
def test_what_az_writes_in_the_code_page_of_windows_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    program = tmp_path / "az"
    program.write_text(f"#!/bin/sh\nprintf '\"M\\374ller\"\\r\\n' | tee /dev/stderr\nexit {code}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    lifecycle = runpy.run_path(str(ROOT / "scripts" / "lifecycle.py"), run_name="lifecycle")
    monkeypatch.setattr(locale, "getpreferredencoding", lambda *_: "cp1252")

    if code:
        with pytest.raises(lifecycle["CommandFailed"], match="Müller"):
            lifecycle["az"]("account", "show")
    else:
        assert "Müller" == lifecycle["az"]("account", "show")
