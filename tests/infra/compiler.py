"""Finds a Bicep compiler and drives it: lint, build, and predicted deployments over JSON-RPC, all offline.

`python -m tests.infra.compiler` says in one line which one is used, or that there is none.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.infra.bicep import INFRA

ROOT = INFRA.parent
NONE = "no Bicep compiler (BICEP, PATH, ../shared/tools/bicep): templates are read, but not compiled or predicted"
# It unpacks one small library and needs no ICU in this mode.
_ENVIRONMENT = {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "DOTNET_CLI_TELEMETRY_OPTOUT": "1"}


def found() -> str | None:
    """The compiler: what BICEP names, or is on the PATH, or lies beside the checkout."""
    if named := os.environ.get("BICEP"):
        return shutil.which(named) or str(ROOT / named)
    beside = ROOT.parent / "shared" / "tools" / "bicep"
    return shutil.which("bicep") or (str(beside) if beside.exists() else None)


class Refused(Exception):  # noqa: N818 - it is the deployment that is refused
    """A deployment that would not begin; the compiler's words, as far as it has any."""


@dataclass(frozen=True)
class Predicted:
    """What one deployment would make, and what it would put out. Values that only Azure knows are expressions."""

    resources: tuple[dict[str, Any], ...]
    outputs: dict[str, Any]
    diagnostics: list[Any]

    def of(self, type_: str) -> list[dict[str, Any]]:
        """The resources of one type."""
        return [resource for resource in self.resources if resource["type"].lower() == type_.lower()]

    def one(self, type_: str) -> dict[str, Any]:
        """The one resource of a type."""
        [resource] = self.of(type_)
        return resource


class Compiler:
    """One running compiler."""

    def __init__(self, path: str, folder: Path) -> None:
        """Use the compiler at `path`; parameter files are written to `folder`."""
        self._path = path
        self._folder = folder
        self._calls = 0
        self._known: dict[str, Predicted] = {}

    def run(self, *words: str) -> str:
        """What it prints on either stream: the exit code is 0 with warnings, so the text is what counts."""
        done = subprocess.run(
            [self._path, *words], env=os.environ | _ENVIRONMENT, cwd=ROOT, capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    def predict(self, template: str, parameters: dict[str, Any], **metadata: str) -> Predicted:
        """The resources that a deployment of `template` would make. Raises `Refused`.

        Predicted from the compiled template, which is what Azure gets: compiling anew for each case costs much more.
        """
        case = json.dumps([template, parameters, metadata], sort_keys=True)
        if case in self._known:
            return self._known[case]
        self._calls += 1
        file = self._folder / f"case{self._calls}.bicepparam"
        lines = [
            f"using '{self._compiled(template).name}'",
            *(f"param {name} = {_literal(value)}" for name, value in parameters.items()),
        ]
        file.write_text("\n".join(lines) + "\n")
        answer = self._ask("bicep/getSnapshot", {"path": str(file), "metadata": metadata})
        if "error" in answer:
            raise Refused(answer["error"]["message"])
        snapshot = json.loads(answer["result"]["snapshot"])
        resources = tuple(snapshot["predictedResources"])
        self._known[case] = Predicted(resources, snapshot.get("outputs", {}), snapshot["diagnostics"])
        return self._known[case]

    def build(self, template: str) -> dict[str, Any]:
        """The template as Azure gets it."""
        return dict(json.loads(self._compiled(template).read_text()))

    def _compiled(self, template: str) -> Path:
        """The file with the compiled template, made once."""
        file = self._folder / f"{template.replace('/', '-')}.json"
        if not file.exists():
            self._calls += 1
            file.write_text(self._ask("bicep/compile", {"path": str(INFRA / template)})["result"]["contents"])
        return file

    def format(self, path: Path) -> str:
        """The file as the formatter would write it."""
        self._calls += 1
        return str(self._ask("bicep/format", {"path": str(path)})["result"]["contents"])

    def close(self) -> None:
        """End the process, if there is one."""
        if "_process" in self.__dict__:
            self._process.stdin.close()
            self._process.wait(10)

    @cached_property
    def _process(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [self._path, "jsonrpc", "--stdio"],
            env=os.environ | _ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps({"jsonrpc": "2.0", "id": self._calls, "method": method, "params": [params]}).encode()
        to, back = self._process.stdin, self._process.stdout
        assert to is not None
        assert back is not None
        to.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        to.flush()
        length = 0
        while (line := back.readline()) != b"\r\n":
            if not line:
                raise Refused("the compiler ended")
            length = int(line.split(b":")[1]) if line.lower().startswith(b"content-length") else length
        return dict(json.loads(back.read(length)))


def _literal(value: Any) -> str:
    """A value as Bicep writes it."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case dict():
            return "{" + ", ".join(f"{_literal(key)}: {_literal(of)}" for key, of in value.items()) + "}"
        case list():
            return "[" + ", ".join(_literal(of) for of in value) + "]"
    text = str(value).replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("${", "\\${")
    return f"'{text}'"


if __name__ == "__main__":
    path = found()
    sys.stdout.write(f"{(path and Compiler(path, Path()).run('--version').strip()) or NONE}\n")
