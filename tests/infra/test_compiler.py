"""What the real compiler says of the templates: nothing. It exits 0 with warnings, so its words are what counts."""

import json
from pathlib import Path

from tests.infra.bicep import FILES, INFRA, Template
from tests.infra.compiler import Compiler


def test_no_file_has_an_error_or_a_warning(compiler: Compiler) -> None:
    assert "" == compiler.run("lint", "--pattern", "infra/**/*.bicep")


def test_every_file_is_asked_about(compiler: Compiler, tmp_path: Path) -> None:
    """The silence above means something: one slip in a copy of each is heard."""
    (tmp_path / "bicepconfig.json").write_text((INFRA / "bicepconfig.json").read_text())
    for name in ("one.bicep", "modules/two.bicep"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("param unused object\n")
    said = compiler.run("lint", "--pattern", f"{tmp_path}/**/*.bicep")

    assert 2 == said.count("Warning no-unused-params")
    assert 2 == said.count("Warning use-user-defined-types")
    assert 2 == said.count("Warning use-description-params")


def test_every_file_is_formatted(compiler: Compiler) -> None:
    assert [] == [path.name for path in FILES if path.read_text() != compiler.format(path)]


def test_what_is_published_for_the_portal_is_one_file_within_its_limits(compiler: Compiler) -> None:
    built = compiler.build("main.bicep")

    assert len(json.dumps(built)) < 4 * 2**20
    assert len(built["parameters"]) <= 256
    assert {*Template(INFRA / "main.bicep").of("param")} == {*built["parameters"]}


def test_a_deployment_of_one_name_never_moves_to_another_region(compiler: Compiler) -> None:
    """Azure keeps the region of a deployment below a subscription for ever: its name must hold it."""
    built = compiler.build("modules/signalr-access.bicep")
    nested = [r for r in _resources(built) if r["type"] == "Microsoft.Resources/deployments"]

    assert 5 == len(nested)
    assert [] == [r["name"] for r in nested if "parameters('region')" not in r["name"]]


def test_package_waits_for_the_doors_that_its_build_goes_through(compiler: Compiler) -> None:
    """It reads and writes storage, which may have no other door, and builds in the app that must be there."""
    [package] = [r for r in _resources(compiler.build("main.bicep")) if r.get("name") == "package"]

    assert {"functionApp", "privateEndpoints"} <= {*package["dependsOn"]}


def _resources(template: dict) -> list[dict]:
    found = template["resources"]
    return list(found.values()) if isinstance(found, dict) else found
