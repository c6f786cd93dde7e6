"""Scripts and templates mean the same: by predicted deployments, what the one makes the other knows."""

import json
import runpy
import sys
from collections.abc import Callable

import pytest

from tests.infra.bicep import INFRA
from tests.infra.compiler import Predicted
from tests.infra.installations import INSTALLATIONS, own_group, rights, signalr
from tests.infra.recorder import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
ROTATOR, READER = "SignalR key rotator (rotation, abc)", "SignalR operation reader (rotation, abc)"


@pytest.mark.parametrize(
    "name",
    ["one resource", "a group", "three subscriptions", "vault of others", "workspace, topic and roles of others"],
)
def test_narrow_right_after_a_deployment_takes_nothing_away(predicted: Callable[[str], Predicted], name: str) -> None:
    """Every right that the template gives, as it was predicted, is one that the script knows to be named."""
    surplus = runpy.run_path(str(ROOT / "scripts" / "narrow"), run_name="narrow")["surplus"]
    deployment = predicted(name)
    variables = {
        entry["value"][2:].split("=")[0].rstrip("}"): str(INSTALLATIONS[name].get(parameter, ""))
        for parameter, entry in json.loads((INFRA / "main.parameters.json").read_text())["parameters"].items()
    }
    given = {(role, scope) for role, scope in rights(deployment) if not scope.startswith(own_group(deployment))}

    assert given
    titled = {"rotator": ROTATOR, "operation reader": READER}
    assert [] == [scope for role, scope in given if surplus(variables, scope, titled.get(role, role))]


def test_upgrade_knows_every_setting_that_the_template_makes(predicted: Callable[[str], Predicted]) -> None:
    upgrade = runpy.run_path(str(ROOT / "scripts" / "upgrade"), run_name="upgrade")
    settings = predicted("one resource").one("Microsoft.Web/sites/config")["properties"]
    values = {"SIGNALR_RESOURCE_IDS": signalr("Chat")}

    assert {} == upgrade["by_hand"](settings, values)


def test_lists_are_read_as_the_template_reads_them(predicted: Callable[[str], Predicted]) -> None:
    lifecycle = runpy.run_path(str(ROOT / "scripts" / "lifecycle.py"), run_name="lifecycle")
    for name in ("one resource in two spellings", "a subscription in three spellings"):
        given = INSTALLATIONS[name]
        settings = predicted(name).one("Microsoft.Web/sites/config")["properties"]

        assert settings["SIGNALR_RESOURCE_IDS"] == ",".join(lifecycle["arm_ids"](given.get("signalRResourceIds", "")))
        assert settings["SIGNALR_SUBSCRIPTION_IDS"] == ",".join(
            lifecycle["guids"](given.get("signalRSubscriptionIds", ""))
        )
