"""The samples that restart App Service, Kubernetes and Container Apps."""

import json
import re
from pathlib import Path
from typing import Any

import jwt
import pytest

from local.azure.certificates import authority, server_context
from tests.consumers.samples import called, receiver, run, signed_in
from tests.http.conftest import HttpWorld

GROUP = "/subscriptions/0e0e0e0e-0000-4000-8000-000000000001/resourceGroups/live/providers"
SITE = f"{GROUP}/Microsoft.Web/sites/shop"
SLOT = f"{SITE}/slots/staging"
CONTAINER_APP = f"{GROUP}/Microsoft.App/containerApps/web"
REFRESH = "config/configreferences/appsettings/refresh"


def reference(event: dict[str, Any], name: str, *, version: str = "old", pinned: str = "") -> dict[str, Any]:
    """A Key Vault reference as ARM lists it."""
    data = event["data"]
    address = f"{data['vaultUrl']}/secrets/{data['secretName']}" + (f"/{pinned}" if pinned else "")
    at = {"reference": f"@Microsoft.KeyVault(SecretUri={address})", "secretName": data["secretName"]}
    vault = data["vaultUrl"].partition("//")[2].partition(".")[0]
    return {"name": name, "properties": at | {"vaultName": vault, "status": "Resolved", "activeVersion": version}}


def settings(app: str, section: str, *references: dict[str, Any]) -> dict[str, Any]:
    """The answer to the list of one section of one app."""
    return {f"{app}/config/configreferences/{section}": {"value": list(references)}}


@pytest.mark.parametrize("section", ["appsettings", "connectionstrings"])
@pytest.mark.parametrize("app", [SITE, SLOT])
def test_app_or_slot_that_has_not_moved_is_refreshed(
    world: HttpWorld, event: dict[str, Any], app: str, section: str
) -> None:
    with receiver(answers=settings(app, section, reference(event, "SignalR"))) as (port, asked):
        said = run("refresh_app_service.py", event, app, **signed_in(world, port))

    assert f"{app.partition('/sites/')[2]}: restarts, fetches SignalR" == said
    assert f"POST {app}/{REFRESH}" == called(asked)[-1]
    assert all(one["headers"]["Authorization"].startswith("Bearer ey") for one in asked)


@pytest.mark.parametrize("changed", [{"secretName": "another"}, {"vaultName": "another"}])
def test_app_that_does_not_read_the_secret_is_left_alone(
    world: HttpWorld, event: dict[str, Any], changed: dict[str, str]
) -> None:
    other = reference(event, "SignalR")
    other["properties"] |= changed

    with receiver(answers=settings(SITE, "appsettings", other)) as (port, asked):
        said = run("refresh_app_service.py", event, SITE, **signed_in(world, port))

    assert "shop: no setting refers to this secret" == said
    assert {"GET"} == {one["method"] for one in asked}


def test_app_that_has_moved_is_not_restarted_again(world: HttpWorld, event: dict[str, Any]) -> None:
    moved = reference(event, "SignalR", version=event["data"]["version"])

    with receiver(answers=settings(SITE, "appsettings", moved)) as (port, asked):
        said = run("refresh_app_service.py", event, SITE, **signed_in(world, port))

    assert "shop: has moved" == said
    assert {"GET"} == {one["method"] for one in asked}


def test_reference_with_a_version_is_named_and_not_waited_for(world: HttpWorld, event: dict[str, Any]) -> None:
    pinned = reference(event, "SignalR", pinned="0123456789abcdef0123456789abcdef")

    with receiver(answers=settings(SITE, "appsettings", pinned)) as (port, asked):
        said = run("refresh_app_service.py", event, SITE, **signed_in(world, port))

    assert "shop: has moved; pinned to a version, change the setting: SignalR" == said
    assert {"GET"} == {one["method"] for one in asked}


@pytest.mark.parametrize("status", [403, 404, 429])
def test_app_that_fails_stops_none_of_the_others(world: HttpWorld, event: dict[str, Any], status: int) -> None:
    answers, gone = settings(SLOT, "appsettings", reference(event, "SignalR")), settings(SITE, "appsettings")

    with receiver(answers=answers, failing=dict.fromkeys(gone, status)) as (port, _):
        said = run("refresh_app_service.py", event, SITE, SLOT, code=1, **signed_in(world, port))

    assert [f"shop: failed: HTTP {status}", "shop/slots/staging: restarts, fetches SignalR"] == said.splitlines()


def test_resource_manager_that_does_not_answer_is_reported_for_each_app(
    world: HttpWorld, event: dict[str, Any]
) -> None:
    with receiver() as (port, _):
        pass
    said = run("refresh_app_service.py", event, SITE, SLOT, code=1, **signed_in(world, port))

    assert ["shop: failed: ", "shop/slots/staging: failed: "] == re.findall(r"^\S+ failed: ", said, re.MULTILINE)


@pytest.mark.parametrize("sample", ["refresh_app_service.py", "rolling_restart.py"])
@pytest.mark.parametrize(
    ("cloud", "manager"),
    [
        ("AzureUSGovernment", "https://management.usgovcloudapi.net"),
        ("AzureChinaCloud", "https://management.chinacloudapi.cn"),
    ],
)
def test_token_is_for_the_resource_manager_of_the_cloud(
    world: HttpWorld, event: dict[str, Any], sample: str, cloud: str, manager: str
) -> None:
    with receiver() as (port, asked):
        run(sample, event, SITE, **signed_in(world, port), AZURE_CLOUD=cloud)

    token = asked[0]["headers"]["Authorization"].removeprefix("Bearer ")
    assert manager == jwt.decode(token, options={"verify_signature": False})["aud"]


@pytest.fixture
def cluster(folder: Path, tmp_path: Path) -> dict[str, str]:
    """What a pod knows of the cluster that it runs in, but for the port."""
    (tmp_path / "token").write_text("service-account")
    (tmp_path / "ca.crt").write_bytes(authority(folder).read_bytes())
    return {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "SERVICE_ACCOUNT_FOLDER": str(tmp_path)}


def test_deployment_is_restarted_for_the_new_version(
    event: dict[str, Any], folder: Path, cluster: dict[str, str]
) -> None:

    with receiver(server_context(folder)) as (port, asked):
        said = run("rolling_restart.py", event, "shop/web", KUBERNETES_SERVICE_PORT=str(port), **cluster)

    [request] = asked
    [mark] = json.loads(request["body"])["spec"]["template"]["metadata"]["annotations"].values()
    assert ("restarting", event["data"]["version"]) == (said, mark)
    assert ["PATCH /apis/apps/v1/namespaces/shop/deployments/web"] == called(asked)
    assert "Bearer service-account" == request["headers"]["Authorization"]
    assert "application/strategic-merge-patch+json" == request["headers"]["Content-Type"]


@pytest.mark.parametrize("name", ["a" * 30 + "-connection-string", "a" * 41 + "-connection-string", "b" * 62 + "-key"])
def test_the_mark_of_a_long_name_is_one_that_kubernetes_takes(
    event: dict[str, Any], folder: Path, cluster: dict[str, str], name: str
) -> None:
    named = event | {"data": event["data"] | {"secretName": name}}

    with receiver(server_context(folder)) as (port, asked):
        run("rolling_restart.py", named, "shop/web", KUBERNETES_SERVICE_PORT=str(port), **cluster)

    [key] = json.loads(asked[0]["body"])["spec"]["template"]["metadata"]["annotations"]
    assert re.fullmatch(r"signalr-key-rotation/[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", key)


def test_active_revisions_of_a_container_app_are_restarted_in_turn(world: HttpWorld, event: dict[str, Any]) -> None:
    revisions = [("web--1", False), ("web--2", True), ("web--3", True)]
    listed = {"value": [{"name": name, "properties": {"active": active}} for name, active in revisions]}

    with receiver(answers={f"{CONTAINER_APP}/revisions": listed}) as (port, asked):
        said = run("rolling_restart.py", event, CONTAINER_APP, **signed_in(world, port))

    assert ["web--2: restarting", "web--3: restarting"] == said.splitlines()
    restarts = [f"POST {CONTAINER_APP}/revisions/{name}/restart" for name in ("web--2", "web--3")]
    assert [f"GET {CONTAINER_APP}/revisions", *restarts] == called(asked)


@pytest.mark.parametrize("status", [403, 404, 429])
def test_revision_that_fails_stops_none_of_the_others(world: HttpWorld, event: dict[str, Any], status: int) -> None:
    listed = {"value": [{"name": name, "properties": {"active": True}} for name in ("web--2", "web--3")]}
    failing = {f"{CONTAINER_APP}/revisions/web--2/restart": status}

    with receiver(answers={f"{CONTAINER_APP}/revisions": listed}, failing=failing) as (port, _):
        said = run("rolling_restart.py", event, CONTAINER_APP, code=1, **signed_in(world, port))

    assert [f"web--2: failed: HTTP {status}", "web--3: restarting"] == said.splitlines()


def test_app_service_slot_is_restarted(world: HttpWorld, event: dict[str, Any]) -> None:
    with receiver() as (port, asked):
        run("rolling_restart.py", event, SLOT, **signed_in(world, port))

    assert [f"POST {SLOT}/restart"] == called(asked)


@pytest.mark.parametrize("kind", ["KeyRetired", "RotationFailed"])
@pytest.mark.parametrize("sample", ["rolling_restart.py", "refresh_app_service.py"])
def test_what_brings_no_new_key_restarts_nothing(event: dict[str, Any], kind: str, sample: str) -> None:
    other = event | {"type": f"SignalRKeyRotation.{kind}"}

    assert "nothing to do" == run(sample, other, "shop/web")
