"""The hooks of `azd up`, run by a real shell. `az` is a recorder: Azure's command line has nothing to talk to here."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_powershell
import yaml

from tests.infra.bicep import INFRA, Template

ROOT = INFRA.parent
HOOKS = ROOT / "scripts" / "hooks"
AZURE_YAML = yaml.safe_load((ROOT / "azure.yaml").read_text())
KEY = "the-key-of-events"

# Notes what it was called with and what the parameter file held. Knows the key only after it was set, and shows it
# unless it is told not to, as az does.
RECORDER = f"""#!{sys.executable}
import json, os, pathlib, sys
home = pathlib.Path(os.environ["AZ_HOME"])
words = sys.argv[1:]
files = [pathlib.Path(word[1:]) for word in words if word.startswith("@")]
call = {{"words": words, "files": [[str(path), path.read_text(), oct(path.stat().st_mode & 0o777)] for path in files]}}
with (home / "calls").open("a") as calls:
    calls.write(json.dumps(call) + "\\n")
if "set" in words:
    (home / "set").touch()
if "functionapp" in words and "none" not in words and (home / "set").exists():
    print("{KEY}")
missing = int((home / "missing").read_text()) if (home / "missing").exists() else 0
if missing:
    (home / "missing").write_text(str(missing - 1))
    sys.exit(3)
"""


class Azure:
    """The recorder's home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "az").write_text(RECORDER)
        (home / "az").chmod(0o755)

    def run(self, hook: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": f"{self.home}:{os.environ['PATH']}", "AZ_HOME": str(self.home), "RETRY_SECONDS": "0"}
        return subprocess.run(
            ["/bin/sh", str(HOOKS / hook)],
            env={**environment, "TMPDIR": str(self.home), **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @property
    def calls(self) -> list[dict[str, list]]:
        return [yaml.safe_load(line) for line in (self.home / "calls").read_text().splitlines()]


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    return Azure(tmp_path)


INSTALLED = {
    "AZURE_SUBSCRIPTION_ID": "11111111-1111-1111-1111-111111111111",
    "AZURE_RESOURCE_GROUP": "rg-rotation",
    "FUNCTION_APP_NAME": "func-rotation",
    "KEY_VAULT_ID": "/subscriptions/1/resourceGroups/rg-rotation/providers/Microsoft.KeyVault/vaults/kv",
}


def test_nothing_is_provisioned_before_something_is_named(azure: Azure) -> None:
    refused = azure.run("preprovision.sh")

    assert 1 == refused.returncode
    assert "azd env set SIGNALR_RESOURCE_IDS" in refused.stderr


@pytest.mark.parametrize("name", ["SIGNALR_RESOURCE_IDS", "SIGNALR_RESOURCE_GROUP_IDS", "SIGNALR_SUBSCRIPTION_IDS"])
def test_any_of_the_three_will_do(azure: Azure, name: str) -> None:
    assert 0 == azure.run("preprovision.sh", **{name: "x"}).returncode


def test_subscribes_with_a_key_made_for_events(azure: Azure) -> None:
    done = azure.run("postdeploy.sh", **INSTALLED)
    deployment = azure.calls[-1]

    assert (0, "") == (done.returncode, done.stderr)
    assert ["deployment", "group", "create"] == deployment["words"][:3]
    [[_, text, mode]] = deployment["files"]
    assert {"eventsKey": {"value": KEY}} == yaml.safe_load(text)["parameters"]
    assert "0o600" == mode


def test_key_is_on_no_command_line_and_in_no_output(azure: Azure) -> None:
    done = azure.run("postdeploy.sh", **INSTALLED)

    assert KEY not in str([call["words"] for call in azure.calls]) + done.stdout + done.stderr


def test_key_does_not_stay_on_disk(azure: Azure) -> None:
    azure.run("postdeploy.sh", **INSTALLED)

    [[path, _, _]] = azure.calls[-1]["files"]
    assert not Path(path).exists()


def test_second_run_keeps_the_key(azure: Azure) -> None:
    azure.run("postdeploy.sh", **INSTALLED)
    azure.run("postdeploy.sh", **INSTALLED)

    assert 1 == sum("set" in call["words"] for call in azure.calls)


def test_waits_for_the_function_to_show_up(azure: Azure) -> None:
    (azure.home / "missing").write_text("3")

    assert 0 == azure.run("postdeploy.sh", **INSTALLED).returncode


def test_gives_up_when_it_never_does(azure: Azure) -> None:
    (azure.home / "missing").write_text("100")
    done = azure.run("postdeploy.sh", **INSTALLED)

    assert 1 == done.returncode
    assert "does not show up" in done.stderr
    assert 20 == len(azure.calls)


@pytest.mark.parametrize("missing", INSTALLED)
def test_says_which_variable_is_missing(azure: Azure, missing: str) -> None:
    done = azure.run("postdeploy.sh", **{name: value for name, value in INSTALLED.items() if name != missing})

    assert 0 != done.returncode
    assert missing in done.stderr


def test_gives_the_template_the_parameters_it_has(azure: Azure, templates: dict[str, Template]) -> None:
    azure.run("postdeploy.sh", **INSTALLED)
    given = {word.split("=")[0] for word in azure.calls[-1]["words"] if re.match(r"\w+=", word)} | {"eventsKey"}

    assert set(templates["events.bicep"].of("param")) == given


def test_variables_the_hook_wants_are_outputs_of_the_template(main: Template) -> None:
    """azd gives its hooks the outputs, and the subscription."""
    assert set(INSTALLED) <= {*main.of("output"), "AZURE_SUBSCRIPTION_ID"}


@pytest.mark.parametrize("hook", ["preprovision", "postdeploy"])
def test_both_shells_do_the_same(hook: str) -> None:
    """Same az commands, same variables, for Windows and for the rest."""
    sh, ps1 = (HOOKS.joinpath(f"{hook}.{kind}").read_text() for kind in ("sh", "ps1"))
    variables = r"\b(?:AZURE|SIGNALR|KEY_VAULT|FUNCTION_APP|SUBSCRIPTION|RETRY)_[A-Z_]+"
    options = r"(?<=\s)--[a-z-]+"

    assert set(re.findall(variables, sh)) == set(re.findall(variables, ps1))
    assert set(re.findall(options, sh)) == set(re.findall(options, ps1.replace("'", " ")))


@pytest.mark.parametrize("hook", ["preprovision", "postdeploy"])
def test_powershell_parses(hook: str) -> None:
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))

    assert not parser.parse((HOOKS / f"{hook}.ps1").read_bytes()).root_node.has_error


def test_azd_runs_these_hooks() -> None:
    runs = {(event, kind, run["run"]) for event, hook in AZURE_YAML["hooks"].items() for kind, run in hook.items()}

    assert runs == {
        (event, kind, f"scripts/hooks/{event}.{suffix}")
        for event in ("preprovision", "postdeploy")
        for kind, suffix in (("posix", "sh"), ("windows", "ps1"))
    }


def test_azd_finds_its_service_by_the_tag(templates: dict[str, Template]) -> None:
    [service] = AZURE_YAML["services"]

    assert f"'azd-service-name': '{service}'" in templates["modules/function-app.bicep"].source
    assert INFRA / "main.bicep" == ROOT / AZURE_YAML["infra"]["path"] / f"{AZURE_YAML['infra']['module']}.bicep"
