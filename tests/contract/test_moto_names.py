"""moto is pinned, and every name of it that local/ replaces or relies on exists."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import moto
import pytest

import local

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def modules() -> Iterator[str]:
    for found in pkgutil.walk_packages(local.__path__, "local."):
        if not found.name.endswith(".__main__"):
            yield found.name


def moto_names() -> list[tuple[str, str]]:
    return [(module, name) for module in modules() for name in getattr(load(module), "MOTO_NAMES", ())]


def load(module: str) -> Any:
    return importlib.import_module(module)


def resolve(name: str) -> Any:
    """The object behind a dotted name: the longest part that is a module, then its attributes."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = load(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            found = getattr(found, attribute)
        return found
    raise ModuleNotFoundError(name)


def test_moto_is_the_pinned_one() -> None:
    pinned = re.search(r'"moto\[[^\]]*\]==([^"]+)"', PYPROJECT.read_text())
    assert pinned, f"{PYPROJECT} pins no moto"
    assert moto.__version__ == pinned[1]


def test_local_relies_on_names_of_moto() -> None:
    assert {module for module, _ in moto_names()} >= {"local.calls", "local.server", "local.audit"}


@pytest.mark.parametrize(("module", "name"), moto_names())
def test_the_name_exists(module: str, name: str) -> None:
    assert name.startswith("moto."), f"{module} lists {name}, which is none of moto's"
    resolve(name)


@pytest.mark.parametrize("module", list(modules()))
def test_a_module_that_imports_moto_says_what_it_relies_on(module: str) -> None:
    source = Path(str(load(module).__file__)).read_text()
    if re.search(r"^\s*(from|import) moto\b", source, re.MULTILINE):
        listing = {name for name, _ in moto_names()}
        package = ".".join(module.split(".")[:2])
        assert {module, package} & listing, f"{module} imports moto, and neither it nor {package} lists MOTO_NAMES"
