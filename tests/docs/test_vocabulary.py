"""Documents, names and what a user reads speak the words of the glossary, and none of those they replaced."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.documents import DOCUMENTS, ROOT, named

# What not to write, and what to write instead. Whole words, in any letter case.
INSTEAD = {
    r"stand-ins?": "emulator",
    r"renew(?:s|ed|ing|als?)?": "regenerate (a key); extend or take again (a lease)",
    r"told|tells|telling": "published or sent (an event), reported (an error), recorded (an outcome), shown",
    r"whoever|whosoever|(?:some|any|every|no)body|(?:some|any|every)one": "the actor: client, caller, operator, worker",
    r"worthless": "invalid, invalidated",
    r"glances?": "pre-check",
    r"wish(?:es|ed)?": "request, command",
    r"errands?": "work item, message",
    r"alarms?": "alert",
    r"figures": "metrics (of telemetry), measurements, numbers",
    r"prov(?:e|es|ed|en|ing)": "verify, verified; show",
    r"refus(?:e|es|ed|ing)": "rejected (401), not allowed (409), skipped; of a service: answered with an error",
    r"put(?:s|ting)? off": "schedule a retry; postpone",
    r"live (?:keys?|slots?)": "valid (SignalR accepts it) or published (the newest version holds it)",
    r"ask(?:s|ed|ing)? for": "request, requested; need; prompt for",
    r"rights|(?:a|an|each|every|new|no|its|the|that|what) right(?= (?:to|that|of|is|has|needs|in)\b)": "permission",
}
# Words of others, of a lease (Azure's own verb), and a name that installations have already.
ALLOWED = (
    r"az signalr key renew",
    r"az: renew",
    r"renew(?:s|ed|al)? (?:the|a|its) lease",
    r"lease (?:is|was|that is) renewed",
    r"lease (?:renewals?|not renewed)",
    r"Blob storage \(renew\)",
    r"key-renewed-",
    r'"Refused?"',
    r"Refuse\(\w+(?: until \w+)?\)",  # an action of the decision table, as a dry run shows it
)
# Values that records and answers hold already.
STORED = frozenset({"Refuse", "Refused", "refused"})
# Names that stay: the lease's own verb, and results that are stored.
NAMED = {"renew", "Refuse", "Refused"}
# Made from docstrings and messages, which are held themselves.
MADE = frozenset({"docs/reference/modules.md", "docs/reference/errors.md"})
PAGES = [page for page in DOCUMENTS if named(page) not in MADE]
MODULES = [path for folder in ("shared", "local") for path in sorted((ROOT / folder).rglob("*.py"))]
TEXTS = [
    *(path for path in sorted((ROOT / "shared").rglob("*")) if path.suffix in {".html", ".json", ".js", ".css"}),
    *sorted((ROOT / "docs" / "events").glob("*.json")),
    *sorted((ROOT / "infra").glob("*.json")),
    ROOT / "Makefile",
]
_WORDS = re.compile("|".join(rf"\b(?P<w{i}>{word})\b" for i, word in enumerate(INSTEAD)), re.IGNORECASE)
_WRITE = {f"w{i}": instead for i, instead in enumerate(INSTEAD.values())}
_ALLOWED = re.compile("|".join(ALLOWED), re.IGNORECASE)
_CODE = re.compile(r"```.*?```|`[^`\n]*`|\]\([^)]*\)|https?://\S+", re.DOTALL)


def unwanted(text: str) -> list[str]:
    """Each word not to write, its line, and what to write instead."""
    # Blanked out and not cut, so that the lines stay where they are.
    text = _ALLOWED.sub(lambda found: "." * len(found[0]), text)
    return [
        f"{text.count('\n', 0, found.start()) + 1}: {found[0]!r}: write {_WRITE[str(found.lastgroup)]}"
        for found in _WORDS.finditer(text)
    ]


def prose(page: Path) -> str:
    """A document without code and addresses. Of the changelog what is not released, and the newest release."""
    text = page.read_text()
    if page.name == "CHANGELOG.md":
        text = "\n## ".join(text.split("\n## ")[:3])
    return _CODE.sub(lambda found: re.sub(r"[^\n]", ".", found[0]), text)


def strings(module: Path) -> Iterator[tuple[int, str]]:
    """What a module may say to a user: its string constants, without docstrings but its own first paragraph."""
    tree = ast.parse(module.read_text())
    yield 1, (ast.get_docstring(tree) or "").partition("\n\n")[0]
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, "" if node.value in STORED else node.value


def names(module: Path) -> Iterator[str]:
    """The module's name and those of its classes and public functions, in words."""
    yield module.stem.replace("_", " ")
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            yield re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", node.name)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_document_speaks_the_projects_words(page: Path) -> None:
    assert [] == unwanted(prose(page))


def test_messages_logs_and_advice_speak_them() -> None:
    said = [
        f"{named(module)}:{line} {word}"
        for module in MODULES
        for line, text in strings(module)
        for word in unwanted(text)
    ]

    assert [] == said


@pytest.mark.parametrize("text", TEXTS, ids=named)
def test_templates_and_the_apis_description_speak_them(text: Path) -> None:
    assert [] == unwanted(text.read_text())


@pytest.mark.parametrize("template", sorted((ROOT / "infra").rglob("*.bicep")), ids=named)
def test_descriptions_of_parameters_and_resources_speak_them(template: Path) -> None:
    assert [] == unwanted(template.read_text())


def test_modules_classes_and_functions_are_named_by_them() -> None:
    found = {name for module in MODULES for name in names(module) if unwanted(name)}

    assert NAMED == found
