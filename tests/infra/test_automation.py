"""Scripts, workflows and the development container: what their own checkers say, and what is pinned."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.infra.bicep import INFRA

ROOT = INFRA.parent
BIN = Path(sys.executable).parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCRIPTS = [
    path for path in (ROOT / "scripts").rglob("*") if path.is_file() and path.read_bytes().startswith(b"#!/bin/sh")
]

each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)


def check(*words: str) -> str:
    """Run one of the checkers. Empty when it is content, else what it says."""
    command = [str(BIN / words[0]), *words[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_is_content(script: Path) -> None:
    assert "" == check("shellcheck", str(script))


def test_every_script_is_checked() -> None:
    assert {"package", "venv"} <= {path.name for path in SCRIPTS}


@each_workflow
@pytest.mark.parametrize("schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_workflow_fits_its_schema(workflow: Path, schema: str) -> None:
    assert "" == check("check-jsonschema", "--builtin-schema", schema, str(workflow))


def test_dependency_updates_fit_their_schema() -> None:
    assert "" == check("check-jsonschema", "--builtin-schema", "vendor.dependabot", ".github/dependabot.yml")


def test_zizmor_finds_nothing_of_weight() -> None:
    """Injection, excess permissions, kept credentials, unpinned actions."""
    assert "" == check("zizmor", "--offline", "--no-progress", "--min-severity", "medium", ".github")


@each_workflow
def test_every_action_is_pinned_by_commit_with_its_version_beside_it(workflow: Path) -> None:
    used = re.findall(r"uses: (?!\./)(.+)", workflow.read_text())

    assert used
    assert [] == [use for use in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", use)]


@each_workflow
def test_workflow_may_only_read_and_a_job_says_what_more_it_needs(workflow: Path) -> None:
    parsed = yaml.safe_load(workflow.read_text())
    more = {scope for job in parsed["jobs"].values() for scope in job.get("permissions", {}).items()}

    assert {"contents": "read"} == parsed["permissions"]
    assert more <= {("contents", "read"), ("contents", "write"), ("id-token", "write"), ("actions", "read")}


@each_workflow
def test_workflow_keeps_no_secret(workflow: Path) -> None:
    assert "secrets." not in workflow.read_text()


def test_ci_runs_every_check_there_is() -> None:
    steps = [step for job in yaml.safe_load(WORKFLOWS[0].read_text())["jobs"].values() for step in job["steps"]]
    commands = "\n".join(step.get("run", "") for step in steps)

    assert "ci" == WORKFLOWS[0].stem
    for command in (
        "make lint",
        "make test",
        "make demo",
        "make package",
        "build infra/main.bicep",
    ):
        assert command in commands


def test_ci_compiles_with_the_compiler_that_the_documents_name() -> None:
    """Another one may warn of more, and writes another template. Without one the tests would be skipped."""
    ci = WORKFLOWS[0].read_text()
    documented = re.findall(r"Bicep (\d+\.\d+\.\d+)", (ROOT / "docs/reference/deployment.md").read_text())

    assert {f"--version v{version}" for version in documented} == {*re.findall(r"--version v[\d.]+", ci)}
    assert ci.index("BICEP=$HOME/.azure/bin/bicep") < ci.index("make test")


def test_development_container_has_the_python_of_the_project() -> None:
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())

    assert f"python:{(ROOT / '.python-version').read_text().strip()}-" in container["image"]
