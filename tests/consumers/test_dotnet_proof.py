"""`make consumers`: says that there is no dotnet, or runs the proof and believes what it says."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.world import ROOT

GOOD = """RESULT negotiate: 12090 tokens (k1 1, k2 2); signed with a key invalid at that moment: 0; refused: 0
RESULT service: client 401s 0, server 401s 0, clients migrated 12
RESULT clients: lost their connection 0 by the rotation and 2 by our cut"""


def script(path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", ROOT / "scripts" / "consumers"], env={"PATH": path}, capture_output=True, text=True, check=False
    )


def dotnet(folder: Path, said: str) -> str:
    """A PATH with a `dotnet` that prints this when it runs the proof; the shell's own commands beside it."""
    (folder / "said").write_text(said)
    (folder / "dotnet").write_text(f'#!/bin/sh\ncase "$1" in run) cat {folder}/said ;; esac\n')
    (folder / "dotnet").chmod(0o755)
    return f"{folder}:{os.defpath}"


def test_without_dotnet_it_says_so_in_one_line(tmp_path: Path) -> None:
    done = script(str(tmp_path))

    assert (0, 1) == (done.returncode, len(done.stdout.splitlines()))
    assert "was not run" in done.stdout


def test_proof_that_holds_is_a_success(tmp_path: Path) -> None:
    done = script(dotnet(tmp_path, GOOD))

    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize(
    ("promise", "broken"),
    [
        ("invalid at that moment: 0;", "invalid at that moment: 5052;"),
        ("client 401s 0, server 401s 0,", "client 401s 0, server 401s 10,"),
        ("lost their connection 0 by the rotation", "lost their connection 12 by the rotation"),
    ],
)
def test_proof_that_does_not_hold_is_a_failure(tmp_path: Path, promise: str, broken: str) -> None:
    done = script(dotnet(tmp_path, GOOD.replace(promise, broken)))

    assert 1 == done.returncode
    assert promise in done.stderr


def test_proof_says_what_is_looked_for() -> None:
    """In the words of the program: its figures stand in braces."""
    program = (ROOT / "docs" / "consumers" / "aspnetcore" / "proof" / "Program.cs").read_text()

    for words in (
        "invalid at that moment: {bad};",
        "client 401s {fake.ClientRejected}, server 401s {fake.ServerRejected},",
    ):
        assert words in program
    assert "lost their connection {disconnects} by the rotation" in program
