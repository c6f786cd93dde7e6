"""Remove, narrow, upgrade: what each says it would do, and does, with recorders in place of `az` and `azd`."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.installations import OTHER, OWN, THIRD, TOPIC, group, signalr, vault
from tests.infra.installed import INSTALLED, READER, ROTATOR, assignment, azure_with_an_installation, run, topic
from tests.infra.recorder import ROOT, Recorder

sys.path.insert(0, str(ROOT / "scripts"))

WRITES = ("az role assignment delete", "az role definition delete", "az group delete", "az rest --method delete")


@pytest.fixture
def azure(tmp_path: Path) -> Recorder:
    return azure_with_an_installation(tmp_path)


@pytest.mark.parametrize("script", ["remove", "narrow", "upgrade"])
def test_what_if_changes_nothing(azure: Recorder, script: str) -> None:
    done = run(azure, script, "--what-if", SIGNALR_RESOURCE_IDS=signalr("other"))

    assert 0 == done.code
    assert done.out.count("\n  - ") > 1
    assert [] == done.lines(*WRITES, "azd")


@pytest.mark.parametrize("script", ["remove", "narrow", "upgrade"])
def test_nothing_is_done_without_the_word(azure: Recorder, script: str) -> None:
    done = run(azure, script, typed="yes\n", SIGNALR_RESOURCE_IDS=signalr("other"))

    assert 1 == done.code
    assert "Nothing was changed" in done.err
    assert [] == done.lines(*WRITES, "azd")


@pytest.mark.parametrize("script", ["remove", "narrow", "upgrade"])
def test_what_it_would_do_is_what_it_does(azure: Recorder, script: str) -> None:
    said = run(azure, script, "--what-if", SIGNALR_RESOURCE_IDS=signalr("other")).out
    done = run(azure, script, "--yes", SIGNALR_RESOURCE_IDS=signalr("other"))
    steps = said.split("Left alone:")[0].count("\n  - ")

    assert 0 == done.code
    assert steps == done.out.count("\ndone: ")


@pytest.mark.parametrize("script", ["remove", "narrow", "upgrade"])
def test_says_which_variables_are_missing(azure: Recorder, script: str) -> None:
    done = azure.run(script, "--yes")

    assert 1 == done.code
    assert "AZURE_SUBSCRIPTION_ID, AZURE_RESOURCE_GROUP" in done.err


def test_remove_takes_rights_first_then_roles_then_the_group(azure: Recorder) -> None:
    """A role that is assigned cannot be deleted, and a deleted identity's assignments are hard to find."""
    done = run(azure, "remove", typed="rg-rotation\n")

    assert [
        *["az role assignment delete"] * 3,
        *["az role definition delete"] * 4,
        "az group delete",
    ] == [" ".join(line.split()[: 4 if "role" in line else 3]) for line in done.lines(*WRITES)]


def test_remove_touches_no_right_of_others_and_none_in_its_own_group(azure: Recorder) -> None:
    deleted = "\n".join(run(azure, "remove", "--yes").lines("az role assignment delete"))

    assert "storageAccounts" not in deleted
    assert 3 == deleted.count("--ids")


def test_remove_leaves_roles_of_other_installations(azure: Recorder) -> None:
    lines = run(azure, "remove", "--yes").lines("az role definition delete")

    assert {f"--scope /subscriptions/{id_}" for id_ in (OWN, OTHER)} == {
        line[line.index("--scope") :].split(" --sub")[0] for line in lines
    }
    assert 4 == len(lines)


def test_remove_deletes_no_group_without_the_tag_of_the_environment(azure: Recorder) -> None:
    azure.answer("group list", [])
    done = run(azure, "remove", "--yes")

    assert [] == done.lines("az group delete")
    assert "there is none with the tag" in done.out


def test_remove_stops_before_it_cuts_others_off(azure: Recorder) -> None:
    """The one system topic of the subscription stands in the group, and another team has subscribed to it."""
    azure.answer("eventSubscriptions", {"value": [{"id": "x", "name": "func-rotation"}, {"id": "y", "name": "audit"}]})
    done = run(azure, "remove", "--yes")

    assert 1 == done.code
    assert "audit" in done.err
    assert [] == done.lines(*WRITES)
    assert 0 == run(azure, "remove", "--yes", "--cut-off-others").code


def test_remove_deletes_its_subscription_on_a_topic_of_others_and_leaves_the_topic(azure: Recorder) -> None:
    azure.answer("systemTopics.api", {"value": [topic("all", group("governance"), f"/subscriptions/{OWN}")]})
    mine = f"{group('governance')}/providers/Microsoft.EventGrid/systemTopics/all/eventSubscriptions/func-rotation"
    azure.answer("eventSubscriptions", {"value": [{"id": mine, "name": "func-rotation"}, {"id": "y", "name": "audit"}]})

    [line] = run(azure, "remove", "--yes").lines("az rest --method delete")
    assert f"{mine}?" in line


def test_remove_knows_its_subscriptions_of_either_version(azure: Recorder) -> None:
    names = ("func-rotation", "func-rotation-events")
    azure.answer("eventSubscriptions", {"value": [{"id": name, "name": name} for name in names]})

    assert 0 == run(azure, "remove", "--yes").code


def test_group_stays_where_a_right_could_not_be_taken_away(azure: Recorder) -> None:
    """Its identity is then still there to be found by, and another run can go on."""
    azure.answer(f"role assignment delete --ids /subscriptions/{OTHER}", {"failure": "AuthorizationFailed"})
    done = run(azure, "remove", "--yes")

    assert 1 == done.code
    assert [] == done.lines("az group delete")
    assert "Not begun: delete the resource group" in done.err


def test_narrow_takes_away_what_is_no_longer_named(azure: Recorder) -> None:
    done = run(azure, "narrow", "--yes")

    [line] = done.lines("az role assignment delete")
    assert line.endswith(f"/subscriptions/{OTHER}/providers/Microsoft.Authorization/roleAssignments/51 --output json")
    assert 2 == len(done.lines("az role definition delete"))
    assert [] == done.lines("az group delete")


def test_narrow_without_any_list_takes_nothing_away(azure: Recorder) -> None:
    """Installed with az: the outputs are exported, and the lists that were parameters are not."""
    none = dict.fromkeys(("SIGNALR_RESOURCE_IDS", "SIGNALR_RESOURCE_GROUP_IDS", "SIGNALR_SUBSCRIPTION_IDS"), "")
    done = run(azure, "narrow", "--yes", **none)

    assert 1 == done.code
    assert [] == done.lines("az role")
    assert "every right would go" in done.err


def test_narrow_keeps_the_reading_of_operations_where_a_whole_subscription_became_one_resource(azure: Recorder) -> None:
    azure.answer(
        f"role assignment list .*{OTHER}",
        [assignment(f"/subscriptions/{OTHER}"), assignment(f"/subscriptions/{OTHER}", READER)],
    )
    done = run(azure, "narrow", "--yes", SIGNALR_RESOURCE_IDS=f"{signalr('Chat')}, {signalr('Game', OTHER)}")

    assert [f"take away the role {ROTATOR!r} on /subscriptions/{OTHER}"] == [
        line.removeprefix("done: ") for line in done.out.splitlines() if line.startswith("done")
    ]


def test_narrow_takes_the_role_of_others_from_the_whole_subscription_too(azure: Recorder) -> None:
    """It has any name: the id of the parameter says that it is the one that rotates."""
    whole, theirs = (
        f"/subscriptions/{OTHER}",
        f"/subscriptions/{OTHER}/providers/Microsoft.Authorization/roleDefinitions",
    )
    given = [assignment(whole, name) | {"roleDefinitionId": f"{theirs}/{name}"} for name in ("Turner", "Looker")]
    azure.answer(f"role assignment list .*{OTHER}", given)
    named = f"{signalr('Chat')}, {signalr('Game', OTHER)}"
    done = run(azure, "narrow", "--yes", SIGNALR_RESOURCE_IDS=named, ROTATOR_ROLE_ID="turner")

    assert [f"done: take away the role 'Turner' on {whole}"] == [
        line for line in done.out.splitlines() if line.startswith("done")
    ]


@pytest.mark.parametrize("scope", [signalr("Game"), vault("Mine"), f"/subscriptions/{THIRD}", TOPIC])
def test_narrow_knows_what_is_not_named(scope: str) -> None:
    surplus = runpy.run_path(str(ROOT / "scripts" / "narrow"), run_name="narrow")["surplus"]

    assert surplus(INSTALLED, scope, ROTATOR)


@pytest.mark.parametrize("script", ["remove", "narrow", "upgrade"])
def test_what_azd_keeps_may_hold_any_character(azure: Recorder, script: str) -> None:
    azure.answer("azd env get-values", INSTALLED | {"RESOURCE_TAGS": '{"owner": "a$b!`c`"}', "NAME_TOKEN": "0012"})

    done = azure.run(script, "--what-if")

    assert 0 == done.code
    assert ["azd env get-values --output json"] == done.lines("azd env get")


@pytest.mark.parametrize("script", ["remove", "narrow", "upgrade"])
def test_style_of_scripts_without_a_suffix_is_checked(script: str) -> None:
    checked = subprocess.run(
        [str(Path(sys.executable).parent / "ruff"), "check", "--quiet", f"scripts/{script}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "" == checked.stdout
