"""What can hurt takes the admin role, where one is asked for: by HTTP and on the dashboard alike."""

import json
import uuid
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest

from shared.composition import App, build
from shared.dashboard.routes import handle as page
from shared.http.app_roles import ENABLED, caller
from shared.http.messages import HttpRequest
from shared.http.routes import handle
from shared.settings import Settings
from tests.http.test_access import principal

RESOURCE = (
    "/subscriptions/5ab5c4b0-0000-4000-8000-000000000001/resourceGroups/live/providers/Microsoft.SignalRService"
    "/SignalR/chat"
)
OPERATOR, ADMIN = "KeyRotation.Operator", "KeyRotation.Admin"
AS_OPERATOR = principal(("roles", OPERATOR))


@pytest.fixture
async def app(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    """An app that asks for both roles, on a platform that authenticates callers. Nothing it needs is there."""
    monkeypatch.setenv(ENABLED, "True")
    made = build(
        Settings(
            AzureWebJobsStorage="UseDevelopmentStorage=true",
            SIGNALR_RESOURCE_IDS=RESOURCE,
            KEY_VAULT_URL="https://vault",
            EVENT_GRID_TOPIC_ENDPOINT="https://topic",
            REQUIRED_APP_ROLE=OPERATOR,
            REQUIRED_ADMIN_ROLE=ADMIN,
        )
    )
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("rotate", {"resource": RESOURCE, "force": True}),
        ("rotate", {"resource": RESOURCE, "mode": "revoke"}),
        ("rotate", {"resource": RESOURCE, "mode": "revoke", "overlapHours": 100}),
        ("resume", {}),
    ],
)
async def test_what_can_hurt_takes_the_admin_role(app: App, path: str, body: dict[str, object]) -> None:
    request = HttpRequest("POST", f"https://app/api/{path}", AS_OPERATOR, body=json.dumps(body).encode())

    answer = await handle(path, request, lambda: app)

    problem = json.loads(answer.body)
    assert (403, "RoleMissing") == (answer.status, problem["code"])
    assert f"{ADMIN} (REQUIRED_ADMIN_ROLE)" in problem["detail"]


async def test_the_admin_role_alone_is_not_enough(app: App) -> None:
    request = HttpRequest("POST", "https://app/api/resume", principal(("roles", ADMIN)))

    answer = await handle("resume", request, lambda: app)

    assert f"{OPERATOR} (REQUIRED_APP_ROLE)" in json.loads(answer.body)["detail"]


@pytest.mark.parametrize("fields", [{"act": "resume"}, {"act": "rotate", "mode": "revoke", "resource": RESOURCE}])
async def test_forms_that_can_hurt_take_the_admin_role(app: App, fields: dict[str, str]) -> None:
    form = urlencode(fields | {"confirmed": "yes", "token": str(uuid.uuid4())}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"} | AS_OPERATOR

    answer = await page(HttpRequest("POST", "https://app/api/dashboard", headers, body=form), lambda: app)

    assert 403 == answer.status
    assert b"REQUIRED_ADMIN_ROLE" in answer.body


@pytest.mark.parametrize(
    ("expected", "environment"), [("ada@example.com", {ENABLED: "true"}), ("", {}), ("", {ENABLED: "false"})]
)
def test_the_caller_is_named_where_the_platform_vouches_for_the_name(
    expected: str, environment: dict[str, str]
) -> None:
    assert expected == caller({"x-ms-client-principal-name": "ada@example.com\r\n"}, environment)


def test_the_object_id_stands_in_for_a_name() -> None:
    assert "4f165c69" == caller({"x-ms-client-principal-id": "4f165c69"}, {ENABLED: "true"})
