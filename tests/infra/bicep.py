"""Reads Bicep files as data: what they declare, what they say, which names they use.

A reader, not a compiler (that is `tests.infra.compiler`): it makes values of literals and knows no types. What must
hold of the text itself is asked of it, with or without a compiler at hand.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import tree_sitter
import tree_sitter_bicep

INFRA = Path(__file__).parents[2] / "infra"
FILES = sorted(INFRA.rglob("*.bicep"))

_PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))
_LITERALS = {"true": True, "false": False, "null": None}


class Expression(str):
    """Bicep text whose value only a deployment knows."""

    __slots__ = ()


@dataclass(frozen=True)
class Declaration:
    """One param, var, output, resource or module. `target` is a resource's type or a module's path."""

    kind: str
    name: str
    node: tree_sitter.Node
    target: str = ""
    existing: bool = False

    @cached_property
    def decorators(self) -> dict[str, Any]:
        """Decorators by name, with the value of their argument (None without one); a range's as well as its own."""
        before = self.node.prev_named_sibling
        while before is not None and before.type in {"diagnostic_comment", "comment"}:
            before = before.prev_named_sibling
        type_ = self.node.named_children[1] if self.kind == "param" else None
        module, _, range_ = text(type_).partition(".")
        found = dict(_ranges()[range_]) if module == "limits" else {}
        if before is None or before.type != "decorators":
            return found
        for call in (decorator.named_children[0] for decorator in before.named_children):
            function, arguments = call.named_children
            found[text(function)] = value(arguments.named_children[0]) if arguments.named_children else None
        return found

    @cached_property
    def body(self) -> Any:
        """What stands on the right: the value of a var, the object of a resource, the default of a param."""
        last = self.node.named_children[-1]
        return value(_object(last)) if self.kind in {"resource", "module"} else value(last)

    @property
    def has_default(self) -> bool:
        """Whether a param may be left out."""
        return self.node.named_children[-1].type != "type"


class Template:
    """One Bicep file."""

    def __init__(self, path: Path) -> None:
        """Parse the file at `path`."""
        self.path = path
        self.source = path.read_text()
        self.root = _PARSER.parse(self.source.encode()).root_node

    @cached_property
    def declarations(self) -> tuple[Declaration, ...]:
        """Everything the file declares, nested resources included."""
        return tuple(_declarations(self.root))

    def of(self, kind: str) -> dict[str, Declaration]:
        """The declarations of one kind by name."""
        return {found.name: found for found in self.declarations if found.kind == kind}

    def resources(self, type_: str) -> list[Declaration]:
        """The resources this file makes of a type (without version, compared as Azure does: without case)."""
        made = (found for found in self.of("resource").values() if not found.existing)
        return [found for found in made if found.target.split("@")[0].lower() == type_.lower()]

    @cached_property
    def calls(self) -> set[str]:
        """Names of all functions and methods called, decorators left out."""
        return {text(function) for function in _calls(self.root)}


@cache
def _ranges() -> dict[str, dict[str, Any]]:
    """The ranges of numbers that parameters share, by name."""
    types = Template(INFRA / "limits.bicep").of("type").items()
    return {name: {limit: found.decorators[limit] for limit in ("minValue", "maxValue")} for name, found in types}


def text(node: tree_sitter.Node | None) -> str:
    """The source text of a node."""
    return "" if node is None or node.text is None else node.text.decode()


def walk(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """A node and all below it."""
    yield node
    for child in node.children:
        yield from walk(child)


def value(node: tree_sitter.Node) -> Any:
    """A literal as Python; anything else as an `Expression` of its source text."""
    match node.type:
        case "object":
            properties = (child for child in node.named_children if child.type == "object_property")
            pairs = (p.named_children for p in properties if p.named_children[0].type != "resource_declaration")
            return {_key(key): value(of) for key, of in pairs}
        case "array":
            return [value(child) for child in node.named_children if child.type != "comment"]
        case "string" if not any(child.type == "interpolation" for child in node.named_children):
            return "".join(text(child) for child in node.named_children).replace("\\'", "'")
        case "number":
            return int(text(node))
        case "boolean" | "null":
            return _LITERALS[text(node)]
    return Expression(text(node))


def _calls(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    for found in walk(node):
        decorated = found.parent is not None and found.parent.type == "decorator"
        if found.type == "call_expression" and not decorated:
            yield found.named_children[0]


def _declarations(root: tree_sitter.Node) -> Iterator[Declaration]:
    kinds = {
        "parameter_declaration": "param",
        "type_declaration": "type",
        "variable_declaration": "var",
        "output_declaration": "output",
        "resource_declaration": "resource",
        "module_declaration": "module",
    }
    for node in walk(root):
        if kind := kinds.get(node.type):
            name, *rest = node.named_children
            target = str(value(rest[0])) if kind in {"resource", "module"} else ""
            existing = any(child.type == "existing" for child in node.children)
            yield Declaration(kind, text(name), node, target, existing)


def _object(node: tree_sitter.Node) -> tree_sitter.Node:
    """The object of a resource or module, below its condition or loop."""
    return next(found for found in walk(node) if found.type == "object" and _is_body(found))


def _is_body(node: tree_sitter.Node) -> bool:
    return node.parent is not None and node.parent.type in {
        "resource_declaration",
        "module_declaration",
        "if_statement",
        "for_statement",
    }


def _key(node: tree_sitter.Node) -> str:
    return str(value(node)) if node.type == "string" else text(node)
