"""What README and docs tell to type works: run where it can run here, checked by the shell where it needs Azure."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.docs.documents import DOCUMENTS, ROOT, Block, blocks, named
from tests.world import World, own_world, until

README, INSTALL = "README.md", "docs/how-to/install.md"
ONBOARD, ROTATE = "docs/how-to/onboard-pause-remove.md", "docs/how-to/rotate-and-roll-back.md"
CLIENTS = "docs/how-to/clients-get-401.md"
# `make demo` and `make run`: tests/e2e runs what they print.
TUTORIAL = "docs/tutorial/first-rotation.md"
# Run line by line by tests/http/test_portal.py.
CALLS = tuple(f"docs/how-to/{page}.md" for page in ("call-the-api", "run-from-the-portal", "when-a-call-fails"))
# Run one by one by tests/consumers/test_leak_response.py.
LEAK, CUT = "docs/how-to/respond-to-a-leak.md", "docs/how-to/cut-connections.md"
HOLD = "docs/how-to/resume-after-a-hold.md"
MODULES = ["local", "local.azure", "local.functions_host"]


@pytest.fixture(scope="module")
def world(folder: Path) -> Iterator[World]:
    """A cloud, a storage account and a host that nobody else uses: `ask '{}'` is about everything."""
    with own_world(folder, "docs") as world:
        yield world


def run(world: World, script: str, **variables: str) -> dict[str, Any]:
    """What the block prints last, as JSON."""
    env = {"PATH": os.environ["PATH"], "url": world.host.url, "key": world.host.function_key}
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, env=env | variables, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def ended(world: World, answer: dict[str, Any]) -> str:
    """How the one rotation ended that was accepted."""
    path = f"/api/rotations/{answer['rotations'][0]['id']}"

    def look() -> str | None:
        status = str(world.host.request("GET", path).json()["status"])
        return None if status in {"NotStarted", "Running"} else status

    return until(look, 60)


def lines(document: str, heading: str) -> str:
    """The curl lines of a section, without what asks Azure for addresses and keys."""
    section = (ROOT / document).read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    [block] = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return str(block[block.index("curl ") :])


def test_the_lines_of_the_readme_rotate_and_tell(world: World) -> None:
    chat = world.resource()
    sweep, rotate, status = lines(README, "Use it").replace("/subscriptions/…/SignalR/chat", chat).splitlines()

    swept = run(world, sweep)
    world.host.idle()
    _pass(world, timedelta(days=2))
    rotated = run(world, rotate)

    assert {chat} <= {rotation["resource"] for rotation in swept["rotations"]}
    assert "Succeeded" == ended(world, rotated)
    assert "Succeeded" == run(world, status, id=rotated["rotations"][0]["id"])["status"]
    assert "Secondary" == world.live_slot(chat)


def test_the_runbook_does_what_it_says_in_the_order_it_says_it(world: World) -> None:
    """Publish the key in use, rotate, roll back, revoke: each is accepted and succeeds, two days apart."""
    chat = world.resource()
    ask, rotate, roll_back = [block.text for block in blocks(ROTATE)]
    [publish] = [block.text for block in blocks(ONBOARD) if not block.needs_azure]
    [revoke] = [block.text for block in blocks(LEAK) if "revoke" in block.text and "force" not in block.text]
    commands = (publish, rotate, roll_back, revoke)

    slots = []
    for command in commands:
        assert "Succeeded" == ended(world, run(world, ask + command, chat=chat)), command
        slots.append(world.live_slot(chat))
        _pass(world, timedelta(days=2))

    assert ["Primary", "Secondary", "Primary", "Secondary"] == slots


def test_the_line_that_tells_whether_a_deployment_works_tells_it(world: World) -> None:
    chat = world.resource(**{"key-rotation-vault": "https://elsewhere.vault.azure.net"})

    previews = run(world, lines(INSTALL, "Does it work?"))["previews"]

    [mine] = [preview for preview in previews if preview["resource"] == chat]
    assert ["Misconfigured"] == [finding["code"] for finding in mine["findings"]]


def test_a_client_finds_out_whether_its_key_is_the_published_one(world: World) -> None:
    chat = world.resource()
    ask, publish = blocks(ROTATE)[0].text, blocks(ONBOARD)[1].text
    assert "Succeeded" == ended(world, run(world, ask + publish, chat=chat))
    [compare] = [block.text for block in blocks(CLIENTS)]

    fleet = run(world, compare, its_key=world.azure.valid_keys(chat)["Primary"])["value"]

    [mine] = [each["fingerprint"] for each in fleet if each["id"] == chat]
    fingerprint = hashlib.sha256(world.azure.valid_keys(chat)["Primary"].encode()).hexdigest()[:12]
    assert fingerprint == mine


def test_the_lines_that_end_a_hold_are_answered(world: World) -> None:
    chat = world.resource()
    look, rotate, resume = (block.text for block in blocks(HOLD))

    assert "checked" in run(world, look)
    assert "Succeeded" == run(world, rotate, chat=chat)["status"]
    assert {"resumed": False} == run(world, resume)


def test_no_block_is_left_out() -> None:
    """What is run by a test, here or beside; what needs Azure; and `make`."""
    make = [block for block in blocks(README) if all(line.startswith("make ") for line in block.text.splitlines())]
    pages = (README, ONBOARD, ROTATE, CLIENTS, *CALLS, LEAK, CUT, HOLD)
    run_here = [*make, *(block for page in pages for block in blocks(page)), *blocks(TUTORIAL)]

    assert 1 == len(make)
    assert [] == [str(block) for block in blocks() if not block.needs_azure and block not in run_here]


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_the_shell_understands_it(block: Block) -> None:
    checked = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True, check=False)

    assert "" == checked.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_what_is_to_be_made_can_be_made(document: Path) -> None:
    targets = sorted(set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", document.read_text(), re.MULTILINE)))

    for target in targets:
        made = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert 0 == made.returncode, made.stderr


@pytest.mark.parametrize("module", MODULES)
def test_what_is_started_by_its_module_says_how(module: str) -> None:
    said = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert f"python -m {module}" in said


def test_every_command_of_local_is_explained() -> None:
    said = subprocess.run([sys.executable, "-m", "local", "-h"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert [] == [word for word in ("demo", "run", "azure") if f"\n    {word} " not in said.stdout]


def _pass(world: World, time: timedelta) -> None:
    world.azure.travel(time.total_seconds())
    world.host.travel(time.total_seconds())
