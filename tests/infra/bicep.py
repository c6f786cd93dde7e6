"""Reads Bicep files as data: what they declare, what they say, which names they use.

A reader, not a compiler: types of Azure resources are not known here. It finds what a typing slip breaks - names that
are declared nowhere, modules that do not exist, parameters a module does not have - and makes values of literals.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
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
        """Decorators by name, with the value of their argument (None without one)."""
        before = self.node.prev_named_sibling
        if before is None or before.type != "decorators":
            return {}
        found = {}
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

    def used(self) -> set[str]:
        """Names that stand for a value somewhere."""
        return {name for name, _ in references(self.root, frozenset())}

    def undeclared(self) -> set[str]:
        """Names that stand for a value and are declared nowhere."""
        declared = {found.name for found in self.declarations if found.kind != "output"}
        return {name for name, local in references(self.root, frozenset()) if name not in declared | local}


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


def references(node: tree_sitter.Node, local: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Every name used as a value, with the loop and lambda variables it can see."""
    children = list(node.named_children)
    match node.type:
        case "identifier":
            yield text(node), local
            return
        case "decorators" | "type":
            return
        case "parameter_declaration" | "variable_declaration" | "output_declaration":
            children = children[1:]
        case "resource_declaration" | "module_declaration" | "object_property":
            children = children[1:] if children[0].type == "identifier" else children
        case "call_expression":
            function = children[0]
            children = children[1:] if function.type == "identifier" else children
        case "lambda_expression":
            local |= {text(child) for child in children[:-1]}
            children = children[-1:]
        case "for_statement":
            bound = [child for child in children if child.type == "for_loop_parameters"]
            first = bound[0].named_children if bound else children[:1]
            local |= {text(child) for child in first}
            children = [child for child in children if child not in bound and child not in first]
        case "resource_expression":
            children = children[:1]
    for child in children:
        yield from references(child, local)


def _calls(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    for found in walk(node):
        decorated = found.parent is not None and found.parent.type == "decorator"
        if found.type == "call_expression" and not decorated:
            yield found.named_children[0]


def _declarations(root: tree_sitter.Node) -> Iterator[Declaration]:
    kinds = {
        "parameter_declaration": "param",
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
