"""The rights, the secrets and the doors of what is deployed, read from the parsed templates."""

import re
from pathlib import Path

import pytest

from local.azure.identity.roles import APP_ACTIONS, SIGNALR
from tests.infra.bicep import INFRA, Template, walk

PERMISSIONS = INFRA.parent / "docs" / "reference" / "permissions.md"

# docs/explanation/threat-model.md gives the reason for each of them.
SIGNALR_ACTIONS = {
    "Microsoft.SignalRService/SignalR/read",
    "Microsoft.SignalRService/SignalR/listkeys/action",
    "Microsoft.SignalRService/SignalR/regeneratekey/action",
    "Microsoft.SignalRService/SignalR/operationStatuses/read",
    "Microsoft.SignalRService/SignalR/operationResults/read",
}
LOCATION_ACTIONS = {
    "Microsoft.SignalRService/locations/operationStatuses/signalr/read",
    "Microsoft.SignalRService/locations/operationresults/signalr/read",
}
# "Azure built-in roles": the id, the name and the one kind of resource each is given on.
BUILT_IN = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "modules/storage.bicep",  # Storage Blob Data Owner
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "modules/storage.bicep",  # Storage Queue Data Contributor
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "modules/key-vault-access.bicep",  # Key Vault Secrets Officer
    "4633458b-17de-408a-b874-0445c86b69e6": "modules/key-vault-access.bicep",  # Key Vault Secrets User, of readers
    "d5a91429-5739-47e2-a06b-3470a27159e7": "modules/event-topic-access.bicep",  # EventGrid Data Sender
    "3913510d-42f4-4e42-8a64-420c390055eb": "modules/monitoring.bicep",  # Monitoring Metrics Publisher
}


def permissions(template: Template, role: str) -> dict[str, list[str]]:
    [permission] = template.of("resource")[role].body["properties"]["permissions"]
    return permission


@pytest.fixture(scope="module")
def roles(templates: dict[str, Template]) -> Template:
    return templates["modules/signalr-roles.bicep"]


def test_the_rotator_may_read_list_and_regenerate_and_nothing_else(roles: Template) -> None:
    granted = permissions(roles, "rotatorRole")

    assert sorted(SIGNALR_ACTIONS) == sorted(granted["actions"])
    assert [[], [], []] == [granted[kind] for kind in ("notActions", "dataActions", "notDataActions")]


def test_the_operation_reader_only_reads_operations(roles: Template) -> None:
    granted = permissions(roles, "operationReaderRole")

    assert sorted(LOCATION_ACTIONS) == sorted(granted["actions"])
    assert [[], [], []] == [granted[kind] for kind in ("notActions", "dataActions", "notDataActions")]


def test_the_emulator_lets_the_app_do_just_that(roles: Template) -> None:
    """What the whole suite runs with is what is deployed. Azure compares action names without regard to case."""
    deployed = [action for role in roles.of("resource") for action in permissions(roles, role)["actions"]]

    assert {action.lower() for action in deployed} == {a.lower() for a in APP_ACTIONS if a.startswith(SIGNALR)}


def test_no_action_is_a_wildcard(roles: Template) -> None:
    assert not [
        action for role in roles.of("resource") for action in permissions(roles, role)["actions"] if "*" in action
    ]


def test_only_these_built_in_roles_are_given_and_where(templates: dict[str, Template]) -> None:
    found = {
        role: name
        for name, template in templates.items()
        for role in re.findall(r"'([0-9a-f]{8}-[0-9a-f-]{27})'", template.source)
    }

    assert found == BUILT_IN


def test_the_page_of_permissions_lists_the_built_in_roles_of_the_app() -> None:
    source = Path(__file__).read_text().split("BUILT_IN = {", 1)[1].split("}", 1)[0]
    named = set(re.findall(r"# ([\w ]+?)$", source, re.MULTILINE))  # all but that of the readers
    listed = re.findall(r"^\| ([A-Z][\w ,]+) \|", PERMISSIONS.read_text(), re.MULTILINE)

    assert named == {role for row in listed for role in row.split(", ")}


def test_a_built_in_role_is_assigned_on_one_resource_never_on_the_group(templates: dict[str, Template]) -> None:
    given = [
        a
        for name in set(BUILT_IN.values())
        for a in templates[name].resources("Microsoft.Authorization/roleAssignments")
    ]

    # Both roles on storage are given in one loop.
    assert len(BUILT_IN) - 1 == len(given)
    assert all("scope" in assignment.body for assignment in given)


def test_every_assignment_is_to_the_apps_identity(templates: dict[str, Template]) -> None:
    """But that of those who were named as readers of the vault."""
    every = [
        (a.name, a.body["properties"]["principalId"], a.body["properties"].get("principalType"))
        for t in templates.values()
        for a in t.resources("Microsoft.Authorization/roleAssignments")
    ]

    assert [("readers", "id", None)] == [found for found in every if found[1:] != ("principalId", "ServicePrincipal")]


def test_single_resources_get_the_role_on_the_resource_itself(templates: dict[str, Template]) -> None:
    [assignment] = templates["modules/signalr-access-resource.bicep"].resources(
        "Microsoft.Authorization/roleAssignments"
    )

    assert "signalR" == assignment.body["scope"]


def test_nothing_lists_keys(templates: dict[str, Template]) -> None:
    """`list…()` functions are how a template gets at a key."""
    assert [] == [(name, call) for name, t in templates.items() for call in t.calls if call.lower().startswith("list")]
    assert [] == [name for name, t in templates.items() if re.search(r"\blist\w*\(", t.source, re.IGNORECASE)]


def test_no_connection_string_holds_a_key(templates: dict[str, Template]) -> None:
    for template in templates.values():
        assert not re.search(r"AccountKey=|SharedAccess|Endpoint=https|AccessKey=", template.source)


def test_the_only_connection_string_is_application_insights_which_opens_nothing(templates: dict[str, Template]) -> None:
    """With local authentication off, the sender needs the role; the string is an address."""
    users = {name for name, t in templates.items() if "ConnectionString" in t.source}

    assert {"modules/function-app.bicep"} == users
    [component] = templates["modules/monitoring.bicep"].resources("Microsoft.Insights/components")
    assert component.body["properties"]["DisableLocalAuth"] is True


@pytest.mark.parametrize(
    ("file", "type_", "wanted"),
    [
        (
            "storage",
            "Microsoft.Storage/storageAccounts",
            {"allowSharedKeyAccess": False, "allowBlobPublicAccess": False, "minimumTlsVersion": "TLS1_2"},
        ),
        ("event-topic", "Microsoft.EventGrid/topics", {"disableLocalAuth": True, "minimumTlsVersionAllowed": "1.2"}),
        ("key-vault", "Microsoft.KeyVault/vaults", {"enableRbacAuthorization": True, "enableSoftDelete": True}),
        ("function-app", "Microsoft.Web/sites", {"httpsOnly": True}),
    ],
)
def test_shared_keys_are_off(templates: dict[str, Template], file: str, type_: str, wanted: dict[str, bool]) -> None:
    [resource] = templates[f"modules/{file}.bicep"].resources(type_)

    assert wanted == {name: resource.body["properties"].get(name) for name in wanted}


def test_deployments_need_an_entra_token(templates: dict[str, Template]) -> None:
    policies = templates["modules/function-app.bicep"].resources("basicPublishingCredentialsPolicies")

    assert {"scm": False, "ftp": False} == {p.body["name"]: p.body["properties"]["allow"] for p in policies}


def test_no_output_is_made_of_a_secret(templates: dict[str, Template]) -> None:
    """Neither a secure parameter nor a property that could be a key is reachable from an output."""
    for name, template in templates.items():
        secure = {p.name for p in template.of("param").values() if "secure" in p.decorators}
        for output in template.of("output").values():
            words = {node.text.decode() for node in walk(output.node) if node.type.endswith("identifier") and node.text}
            assert not words & {*secure, "ConnectionString", "InstrumentationKey"}, (name, output.name)


def test_no_template_takes_a_key(templates: dict[str, Template]) -> None:
    for template in templates.values():
        parameters = template.of("param").values()

        assert [] == [p.name for p in parameters if "secure" in p.decorators]
        assert [] == [p.name for p in parameters if re.search(r"(?<!App)Key$|secret$|token$", p.name)]
