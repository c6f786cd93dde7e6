"""Scripts, workflows and the development container: what their own checkers say, and what is pinned."""

import json
import os
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


def published(folder: Path, tag: str, *, tags: str, exists: bool) -> list[str]:
    """What the last step of the workflow `release` calls of git and gh."""
    steps = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]["publish"]["steps"]
    for name in ("published/app/app.zip", "published/template/azuredeploy.json"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("{}")
    (folder / "infra").mkdir()
    for name in ("uiFormDefinition.json", "release.md"):
        (folder / "infra" / name).write_text((INFRA / name).read_text())
    for name, answer in (
        ("git", f'[ "$1" != ls-remote ] || printf "{tags}"'),
        ("gh", f'[ "$2" != view ] || exit {1 - exists}'),
    ):
        (folder / name).write_text(f'#!/bin/bash\necho "{name} $*" >>"{folder}/called"\n{answer}\n')
        (folder / name).chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "GITHUB_REF_NAME": tag, "GITHUB_REPOSITORY": "me/rotation"}
    subprocess.run(["bash", "-e", "-c", steps[-1]["run"]], check=True, cwd=folder, env=environment)
    return [
        line
        for line in (folder / "called").read_text().splitlines()
        if line.startswith(("git push", "gh release create", "gh release upload"))
    ]


TAGS = "".join(f"abc\\trefs/tags/{tag}\\n" for tag in ("v0.10.0", "v0.9.1", "v0.2.0", "v0.11.0-rc1", "vnext"))


def test_release_publishes_the_branch_first_and_can_be_started_again(tmp_path: Path) -> None:
    for name, exists in (("first", False), ("again", True)):
        (tmp_path / name).mkdir()
        branch, release = published(tmp_path / name, "v0.10.0", tags=TAGS, exists=exists)

        assert "git push --force origin release" == branch
        assert release.startswith("gh release upload v0.10.0 --clobber" if exists else "gh release create v0.10.0")


@pytest.mark.parametrize("tag", ["v0.9.1", "v0.11.0-rc1"])
def test_branch_release_never_goes_back_to_an_older_version(tmp_path: Path, tag: str) -> None:
    [release] = published(tmp_path, tag, tags=TAGS, exists=False)

    assert f"gh release create {tag}" in release
    assert "--latest=false" in release
