"""The Bicep files, parsed once."""

import pytest

from tests.infra.bicep import FILES, INFRA, Template


@pytest.fixture(scope="session")
def templates() -> dict[str, Template]:
    """Every template by its path below infra/."""
    return {str(path.relative_to(INFRA)): Template(path) for path in FILES}


@pytest.fixture(scope="session")
def main(templates: dict[str, Template]) -> Template:
    """infra/main.bicep."""
    return templates["main.bicep"]
