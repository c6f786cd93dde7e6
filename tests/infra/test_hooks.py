"""What azure.yaml and the template say of the hooks."""

import tomllib

import yaml

from tests.infra.bicep import INFRA, Template
from tests.infra.hooks import INSTALLED
from tests.infra.recorder import ROOT

AZURE_YAML = yaml.safe_load((ROOT / "azure.yaml").read_text())


def test_variables_the_hook_wants_are_outputs_of_the_template(main: Template) -> None:
    """azd gives its hooks the outputs, and the subscription."""
    assert set(INSTALLED) <= {*main.of("output"), "AZURE_SUBSCRIPTION_ID", "AZURE_ENV_NAME"}


def test_azd_runs_these_hooks() -> None:
    assert {event: {"run": f"scripts/hooks/{event}.py"} for event in ("preprovision", "postdeploy")} == AZURE_YAML[
        "hooks"
    ]


def test_azd_installs_nothing_for_them() -> None:
    lines = (ROOT / "scripts/hooks/requirements.txt").read_text().splitlines()

    assert [] == [line for line in lines if not line.startswith("#")]


def test_azd_is_new_enough_to_spare_the_groups_of_others() -> None:
    """Before 1.24.1, `azd down` took every resource group that a deployment mentions for its own."""
    assert {"azd": ">= 1.24.1"} == AZURE_YAML["requiredVersions"]


def test_azd_is_told_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert f"signalr-key-rotation@{version}" == AZURE_YAML["metadata"]["template"]


def test_azd_finds_its_service_by_the_tag(templates: dict[str, Template]) -> None:
    [service] = AZURE_YAML["services"]

    assert f"'azd-service-name': '{service}'" in templates["modules/function-app.bicep"].source
    assert INFRA / "main.bicep" == ROOT / AZURE_YAML["infra"]["path"] / f"{AZURE_YAML['infra']['module']}.bicep"
