"""The Bicep files, parsed once; and one running compiler, where there is one."""

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from tests.infra import compiler as bicep_compiler
from tests.infra.bicep import FILES, INFRA, Template
from tests.infra.installations import INSTALLATIONS, predict


@pytest.fixture(scope="session")
def templates() -> dict[str, Template]:
    """Every template by its path below infra/."""
    return {str(path.relative_to(INFRA)): Template(path) for path in FILES}


@pytest.fixture(scope="session")
def main(templates: dict[str, Template]) -> Template:
    """infra/main.bicep."""
    return templates["main.bicep"]


@pytest.fixture(scope="session")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bicep_compiler.Compiler]:
    """A real compiler, or a skip that says where one was looked for."""
    path = bicep_compiler.found()
    if path is None:
        pytest.skip(bicep_compiler.NONE)
    running = bicep_compiler.Compiler(path, tmp_path_factory.mktemp("bicep"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def predicted(compiler: bicep_compiler.Compiler) -> Callable[[str], bicep_compiler.Predicted]:
    """An installation by its name, predicted once."""
    return cache(lambda name: predict(compiler, INSTALLATIONS[name]))
