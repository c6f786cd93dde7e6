"""Installs what `make conformance` calls the emulators with: Azure's JavaScript SDKs and the Azure CLI, as pinned here.

The CLI gets an environment of its own: it pins what the app pins otherwise.
"""

import subprocess
import sys
from pathlib import Path

from local.azurite.install import NODE, NPM

HERE = Path(__file__).parent
CLI = Path(".run/azure-cli")
"""The CLI's virtual environment, from the root of the checkout."""


def main() -> None:
    """Install both, each only if its pins changed. Raises CalledProcessError below the installer's own words."""
    javascript = HERE / "node_modules" / ".pins"
    if _outdated(javascript, HERE / "package-lock.json"):
        command = [str(NODE), str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=HERE, check=True, timeout=600)  # constants
        javascript.write_bytes((HERE / "package-lock.json").read_bytes())
    cli = CLI / ".pins"
    if _outdated(cli, HERE / "azure-cli.txt"):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(CLI)], check=True, timeout=600)  # constants
        pip = [str(CLI / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(HERE / "azure-cli.txt")], check=True, timeout=1200)  # constants
        cli.write_bytes((HERE / "azure-cli.txt").read_bytes())


def _outdated(stamp: Path, pins: Path) -> bool:
    return not stamp.exists() or stamp.read_bytes() != pins.read_bytes()


if __name__ == "__main__":
    main()
