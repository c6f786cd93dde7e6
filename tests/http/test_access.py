"""Who may call: function keys as the host reads them, and an app role where one is asked for."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from local.functions_host.client import FunctionsHost
from shared.http.app_roles import ENABLED, require_role
from shared.http.problem_details import Problem
from tests.http.conftest import HttpWorld
from tests.world import running_host

ROLE = "KeyRotation.Operator"
ON = {ENABLED: "True"}
ASKING = ["resources", "rotations/11111111-2222-4333-8444-555555555555", "health/deep"]


def principal(*claims: tuple[str, str], **more: str) -> dict[str, str]:
    """The header that App Service authentication passes on."""
    content = {"auth_typ": "aad", "claims": [{"typ": kind, "val": value} for kind, value in claims]} | more
    return {"x-ms-client-principal": base64.b64encode(json.dumps(content).encode()).decode()}


def refusal(headers: dict[str, str], environment: dict[str, str]) -> str | None:
    try:
        require_role(ROLE, headers, environment)
    except Problem as problem:
        return problem.code
    return None


def test_no_role_asked_for_lets_anybody_with_a_key_in() -> None:
    require_role("", {}, {})


@pytest.mark.parametrize(
    "headers",
    [
        principal(("roles", ROLE)),
        principal(("name", "Ada"), ("roles", "Reader"), ("roles", ROLE)),
        principal(("http://schemas.microsoft.com/ws/2008/06/identity/claims/role", ROLE)),
        principal(("jobs", ROLE), role_typ="jobs"),
    ],
)
def test_role_lets_in(headers: dict[str, str]) -> None:
    assert refusal(headers, ON) is None


@pytest.mark.parametrize("environment", [{}, {ENABLED: "False"}, {ENABLED: ""}])
def test_forged_header_is_worth_nothing_without_the_platform(environment: dict[str, str]) -> None:
    assert "AuthenticationNotEnabled" == refusal(principal(("roles", ROLE)), environment)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        principal(),
        principal(("roles", "Reader")),
        principal(("name", ROLE)),
        principal(("roles", ROLE.lower())),
        {"x-ms-client-principal": "not base64!"},
        {"x-ms-client-principal": base64.b64encode(b"[1]").decode()},
        {"x-ms-client-principal": base64.b64encode(b'{"claims": [{"typ": "roles"}]}').decode()},
        {"x-ms-client-principal": base64.b64encode(b"[" * 50_000).decode()},
        {"x-ms-client-principal": "é"},
    ],
)
def test_without_the_role_nobody_gets_in(headers: dict[str, str]) -> None:
    assert "RoleMissing" == refusal(headers, ON)


@pytest.fixture(scope="module")
def guarded(folder: Path, cloud: AzureEmulator, app_storage: Azurite) -> Iterator[FunctionsHost]:
    """An app that asks for the role, on a platform that does not authenticate callers."""
    with running_host(cloud, app_storage, folder, REQUIRED_APP_ROLE=ROLE) as host:
        yield host


@pytest.mark.parametrize(("method", "path"), [("POST", "rotate"), *(("GET", path) for path in ASKING)])
def test_every_address_asks_for_the_role(guarded: FunctionsHost, method: str, path: str) -> None:
    answer = guarded.request(method, f"/api/{path}", headers=principal(("roles", ROLE)))

    assert (403, "AuthenticationNotEnabled") == (answer.status_code, answer.json()["code"])


def test_event_grid_needs_no_role(guarded: FunctionsHost) -> None:
    headers = {"aeg-event-type": "Notification"}
    event = {"id": "1", "subject": "", "eventType": "Microsoft.Storage.BlobCreated", "data": {}}

    answer = guarded.request("POST", guarded.event_grid_path("incoming_event"), key=None, json=[event], headers=headers)

    assert 202 == answer.status_code


@pytest.mark.parametrize(("key", "status"), [(None, 401), ("function", 403)])
def test_events_are_taken_from_the_holder_of_the_extensions_key_alone(
    world: HttpWorld, key: str | None, status: int
) -> None:
    """The platform refuses before the app is asked: a key of callers is none of Event Grid's."""
    path = world.events_path.partition("&code=")[0]

    answer = world.host.request("POST", path, key=key, json=[], headers={"aeg-event-type": "Notification"})

    assert status == answer.status_code


@pytest.mark.parametrize("path", ["health", "openapi.json"])
def test_what_is_anonymous_needs_neither_key_nor_role(guarded: FunctionsHost, path: str) -> None:
    assert 200 == guarded.request("GET", f"/api/{path}", key=None).status_code


def test_caller_that_the_platform_vouches_for_gets_in(
    world: HttpWorld, folder: Path, cloud: AzureEmulator, app_storage: Azurite
) -> None:
    world.resource()
    with running_host(cloud, app_storage, folder, REQUIRED_APP_ROLE=ROLE, WEBSITE_AUTH_ENABLED="True") as host:
        let_in = host.request("GET", "/api/resources", headers=principal(("roles", ROLE)))
        without_key = host.request("GET", "/api/resources", headers=principal(("roles", ROLE)), key=None)

    assert (200, 401) == (let_in.status_code, without_key.status_code)


@pytest.mark.parametrize("place", ["header", "query"])
def test_key_is_taken_from_header_and_query(world: HttpWorld, place: str) -> None:
    key = world.host.function_keys["resources"]
    world.resource()
    how = {"key": key} if place == "header" else {"key": None}

    answer = world.call("GET", "resources" if place == "header" else f"resources?code={key}", **how)

    assert 200 == answer.status_code


def test_key_of_one_function_does_not_open_another(world: HttpWorld) -> None:
    assert 401 == world.call("POST", "rotate", key=world.host.function_keys["resources"]).status_code
