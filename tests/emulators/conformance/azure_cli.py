"""The emulators through the Azure CLI: a cloud registered by its ARM endpoint alone, signed in as a service principal.

A vault is named by what stands before the cloud's suffix, so that `--vault-name 127` is the one at 127.0.0.1: the
emulator describes its suffix as the rest of that address.
"""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.azure.client import AzureEmulator
from local.azure.instructions import cli_commands, cli_settings
from tests.emulators.conformance.install import CLI

_VAULT = ("--vault-name", "127")

Az = Callable[..., Any]


@pytest.fixture(scope="module")
def az(emulators: AzureEmulator, tmp_path_factory: pytest.TempPathFactory) -> Az:
    """Runs one command and answers its JSON; signed in already."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path_factory.mktemp("home")),
        "AZURE_CONFIG_DIR": str(tmp_path_factory.mktemp("azure")),
        **cli_settings(emulators),
    }

    def run(*arguments: str) -> Any:
        done = subprocess.run(  # the CLI that was installed for this
            [str(Path(CLI, "bin", "python").absolute()), "-m", "azure.cli", *arguments, "--output", "json"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not done.returncode, done.stderr
        return json.loads(done.stdout or "null")

    for command in cli_commands(emulators):
        run(*command)
    return run


def test_signalr_list(az: Az, azure: AzureEmulator) -> None:
    azure.create_signalr("chat")

    assert ["chat"] == [one["name"] for one in az("signalr", "list")]


def test_signalr_key_list(az: Az, azure: AzureEmulator) -> None:
    live = azure.valid_keys(azure.create_signalr("chat"))

    keys = az("signalr", "key", "list", "--name", "chat", "--resource-group", "live")

    assert live == {"Primary": keys["primaryKey"], "Secondary": keys["secondaryKey"]}


def test_signalr_key_renew(az: Az, azure: AzureEmulator) -> None:
    resource = azure.create_signalr("chat")

    az("signalr", "key", "renew", "--name", "chat", "--resource-group", "live", "--key-type", "secondary")

    assert ["Secondary"] == [one["keyType"] for one in azure.regenerations(resource)]


def test_keyvault_secret_set(az: Az, azure: AzureEmulator) -> None:
    az("keyvault", "secret", "set", *_VAULT, "--name", "fresh", "--value", "first", "--tags", "a=b")

    (version,) = azure.secrets()["fresh"]
    assert ("first", "b") == (version["value"], version["tags"]["a"])


def test_keyvault_secret_show(az: Az, azure: AzureEmulator) -> None:
    azure.put_secret("fresh", "first")
    azure.put_secret("fresh", "second")

    assert "second" == az("keyvault", "secret", "show", *_VAULT, "--name", "fresh")["value"]


def test_keyvault_secret_list_versions(az: Az, azure: AzureEmulator) -> None:
    made = {azure.put_secret("fresh", str(number)) for number in range(3)}

    listed = az("keyvault", "secret", "list-versions", *_VAULT, "--name", "fresh")

    assert made == {one["id"].rpartition("/")[2] for one in listed}
