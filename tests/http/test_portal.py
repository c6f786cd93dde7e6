"""How to call the API, from the portal too: the lines are run as they stand there, and answer what the pages say."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from tests.http.conftest import HttpWorld
from tests.world import running_host

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
PAGES = "".join(
    (HOW_TO / f"{page}.md").read_text() for page in ("call-the-api", "run-from-the-portal", "when-a-call-fails")
)
LINES = re.findall(r"```sh\n(.*?)```\n→ `(\d+)`", PAGES, re.DOTALL)
SUBSCRIPTION = "0e0e0e0e-0000-4000-8000-0000000000aa"


@pytest.fixture(scope="module")
def shell(folder: Path, cloud: AzureEmulator) -> Iterator[dict[str, str]]:
    """The variables the page speaks of, for an app with one resource."""
    chat = cloud.create_signalr("portal", subscription=SUBSCRIPTION, tags={"key-rotation": "enabled"})
    with (
        Azurite.start(folder / "storage-portal") as storage,
        running_host(cloud, storage, folder, SIGNALR_SUBSCRIPTION_IDS=SUBSCRIPTION) as host,
    ):
        yield {"url": host.url, "key": host.function_key, "master": host.master_key, "chat": chat}


def test_every_line_says_what_it_answers() -> None:
    assert PAGES.count("```sh") == len(LINES) > 10


@pytest.mark.parametrize(("line", "status"), LINES)
def test_line_answers_what_the_page_says(shell: dict[str, str], line: str, status: str) -> None:
    done = subprocess.run(
        ["sh", "-eu", "-c", line], env={"PATH": os.environ["PATH"], **shell}, capture_output=True, text=True, check=True
    )

    assert status in done.stdout.splitlines()[0]


def test_cross_origin_calls_are_the_platforms(world: HttpWorld) -> None:
    """The app sends no CORS headers of its own: they would contradict what is set in the portal."""
    answer = world.call("GET", "health", key=None, headers={"Origin": "https://portal.azure.com"})

    assert [] == [name for name in answer.headers if name.lower().startswith("access-control-")]
