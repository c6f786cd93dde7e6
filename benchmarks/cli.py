"""The Azure CLI against the emulators: what people rotate keys with by hand.

It is used where `make conformance` has installed it.
"""

import os
import subprocess
import tempfile
import time
from pathlib import Path

from local.azure.client import AzureEmulator
from local.azure.instructions import cli_commands, cli_settings

_LOOK_SECONDS = 1.0
INSTALLED = Path(__file__).parents[1] / ".run" / "azure-cli"


def available() -> bool:
    """Whether it is installed."""
    return (INSTALLED / "bin" / "python").exists()


class AzureCli:
    """One that is signed in."""

    def __init__(self, azure: AzureEmulator) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="azure-cli-")
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": self._home.name,
            "AZURE_CONFIG_DIR": self._home.name,
            **cli_settings(azure),
        }
        for command in cli_commands(azure):
            self.run(*command)

    def run(self, *arguments: str) -> str:
        """Run one command and give what it printed. Raises `CalledProcessError`."""
        command = [str(INSTALLED / "bin" / "python"), "-m", "azure.cli", *arguments, "--output", "tsv"]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=True)  # noqa: S603 - the CLI that was installed for this
        return done.stdout.strip()

    def renew(self, resource: str) -> None:
        """`az signalr key renew`: it returns when ARM has accepted, while the old key is still the live one."""
        self.run("signalr", "key", "renew", *_named(resource), "--key-type", "secondary")

    def rotate(self, resource: str) -> None:
        """What a runbook must do: renew, look until the key has changed, write it to the vault."""
        before = self._key(resource)
        self.renew(resource)
        while (value := self._key(resource)) == before:
            time.sleep(_LOOK_SECONDS)
        name = resource.rsplit("/", 1)[1]
        self.run("keyvault", "secret", "set", "--vault-name", "127", "--name", f"{name}-cli", "--value", value)

    def _key(self, resource: str) -> str:
        return self.run("signalr", "key", "list", *_named(resource), "--query", "secondaryConnectionString")


def _named(resource: str) -> tuple[str, ...]:
    parts = resource.split("/")
    return "--resource-group", parts[4], "--name", parts[-1]
