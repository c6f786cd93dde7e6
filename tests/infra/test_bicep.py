"""What a compiler does not ask of the Bicep files, or not of each file by itself."""

import re

import pytest

from tests.infra.bicep import FILES, Declaration, Expression, Template, text, value, walk

# No stable version of diagnostic settings exists.
PREVIEWS = {"Microsoft.Insights/diagnosticSettings@2021-05-01-preview"}

each_file = pytest.mark.parametrize("template", [Template(path) for path in FILES], ids=lambda found: found.path.stem)


@each_file
def test_parses_without_error(template: Template) -> None:
    assert not template.root.has_error


@each_file
def test_every_parameter_and_output_is_described(template: Template) -> None:
    interface = [*template.of("param").values(), *template.of("output").values()]

    assert [] == [found.name for found in interface if not found.decorators.get("description")]


@each_file
def test_opens_with_what_it_is_for(template: Template) -> None:
    assert template.source.startswith("// ")


@each_file
def test_every_resource_names_a_stable_api_version(template: Template) -> None:
    top = [found for found in template.declarations if found.kind == "resource" and "/" in found.target]

    assert [] == [r.target for r in top if not re.search(r"@20\d\d-\d\d-\d\d$", r.target) and r.target not in PREVIEWS]


def test_one_type_has_one_api_version_everywhere(templates: dict[str, Template]) -> None:
    versions: dict[str, set[str]] = {}
    for template in templates.values():
        for resource in template.of("resource").values():
            type_, _, version = resource.target.partition("@")
            if version:
                versions.setdefault(type_.lower(), set()).add(version)

    assert {} == {type_: found for type_, found in versions.items() if len(found) > 1}


def modules() -> list[tuple[Template, Declaration]]:
    return [
        (template, module)
        for path in FILES
        for template in [Template(path)]
        for module in template.of("module").values()
    ]


each_module = pytest.mark.parametrize(("template", "module"), modules(), ids=lambda found: getattr(found, "name", ""))


@each_module
def test_module_runs_in_the_scope_it_is_written_for(template: Template, module: Declaration) -> None:
    """A subscription's module is called with none or a subscription, a group's module from outside with a group."""
    target, given = _scope(Template(template.path.parent / module.target)), module.body.get("scope", "")

    if target == "subscription":
        assert given == "" or given.startswith("subscription(")
        assert _scope(template) == "subscription"
    elif _scope(template) == "subscription":
        assert given == "group" or given.startswith("resourceGroup(")
    else:
        assert given == "" or given.startswith("resourceGroup(")


def test_every_module_file_is_used() -> None:
    used = {str((template.path.parent / module.target).resolve()) for template, module in modules()}

    assert {str(path) for path in FILES if path.parent.name == "modules"} == used


@each_file
def test_defaults_obey_their_own_limits(template: Template) -> None:
    for parameter in template.of("param").values():
        limits, default = parameter.decorators, parameter.body
        if not parameter.has_default or isinstance(default, Expression):
            continue
        assert default in limits.get("allowed", [default])
        if isinstance(default, int):
            assert limits.get("minValue", default) <= default <= limits.get("maxValue", default)


def _scope(template: Template) -> str:
    found = [node for node in walk(template.root) if node.type == "target_scope_assignment"]
    return str(value(found[0].named_children[-1])) if found and text(found[0]) else "resourceGroup"
