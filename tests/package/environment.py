"""The app as the platform gets it: the zip unpacked somewhere else, and a virtualenv with `requirements.txt` alone."""

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import package  # noqa: E402 - scripts/ is no package of its own


@dataclass(frozen=True)
class Packaged:
    """The zip, where it was unpacked, and a virtualenv with the only packages it asks for."""

    zip: package.Package
    folder: Path
    venv: Path

    @property
    def python(self) -> Path:
        """An interpreter that knows `requirements.txt` and nothing else."""
        return self.venv / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        """Where those packages are."""
        [found] = self.venv.glob("lib/python3*/site-packages")
        return found

    def alone(self, program: str) -> str:
        """What the program prints in the unpacked folder, with nothing but `requirements.txt` installed."""
        # -I: neither PYTHONPATH nor the user's packages. The platform puts the app's folder last, and so does this.
        words: list[str | Path] = [self.python, "-I", "-c", f"import sys; sys.path.append('.'); {program}"]
        return subprocess.run(words, cwd=self.folder, check=True, capture_output=True, text=True).stdout.strip()


def prepare(zip_path: Path, folder: Path) -> Packaged:
    """Build the zip, unpack it into `folder`, and install what it asks for."""
    built = package.build(ROOT, zip_path)
    zipfile.ZipFile(built.path).extractall(folder)
    return Packaged(built, folder, _environment(folder / "requirements.txt"))


def _environment(requirements: Path) -> Path:
    """A virtualenv with just these, kept for as long as they stay the same."""
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    venv = ROOT / ".run" / "packaged-app" / digest
    complete = venv / "complete"
    if not complete.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", venv], check=True)
        install: list[str | Path] = [Path(sys.executable).parent / "uv", "pip", "install", "--quiet", "--system-certs"]
        install += ["--compile-bytecode", "--python", venv / "bin" / "python", "-r", requirements]
        # The project's own environment has the same pins: they are in uv's cache, unless that was emptied.
        if subprocess.run([*install, "--offline"], check=False, capture_output=True).returncode:
            subprocess.run(install, check=True)
        complete.touch()
    return venv
