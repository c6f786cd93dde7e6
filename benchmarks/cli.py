"""The Azure CLI against the stand-ins: what people rotate keys with by hand.

It is used where `make conformance` has installed it.
"""

import os
import subprocess
import tempfile
from pathlib import Path

from local.azure.client import StandIn
from local.azure.instructions import cli_commands, cli_settings

INSTALLED = Path(__file__).parents[1] / ".run" / "azure-cli"


def available() -> bool:
    """Whether it is installed."""
    return (INSTALLED / "bin" / "python").exists()


class AzureCli:
    """One that is signed in."""

    def __init__(self, azure: StandIn) -> None:
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
        """`az signalr key renew` alone."""
        self.run("signalr", "key", "renew", "--ids", resource, "--key-type", "secondary")

    def rotate(self, resource: str) -> None:
        """Renew, read, and write to the vault: three commands, as in every runbook."""
        self.renew(resource)
        value = self.run("signalr", "key", "list", "--ids", resource, "--query", "secondaryConnectionString")
        name = resource.rsplit("/", 1)[1]
        self.run("keyvault", "secret", "set", "--vault-name", "127", "--name", f"{name}-cli", "--value", value)
