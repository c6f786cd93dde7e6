"""The documents of the project, and the commands in them."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.infra.bicep import INFRA

ROOT = INFRA.parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
_FENCED = re.compile(r"^( *)```sh\n(.*?)^\1```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block of shell, and the document it stands in."""

    document: str
    text: str

    @property
    def needs_azure(self) -> bool:
        """Whether it calls what is not to be had without an Azure account, or would change this clone."""
        return re.search(r"(^ *|[(;|&] *|until )(az|azd|git) ", self.text, re.MULTILINE) is not None

    def __str__(self) -> str:
        return f"{self.document}: {self.text.strip().splitlines()[0][:60]}"


def blocks(*documents: str) -> list[Block]:
    """The blocks of these documents, or of all, in order."""
    chosen = [path for path in DOCUMENTS if not documents or named(path) in documents]
    return [Block(named(path), text) for path in chosen for _, text in _FENCED.findall(path.read_text())]


def named(path: Path) -> str:
    """A document by its path in the repository."""
    return str(path.relative_to(ROOT))
