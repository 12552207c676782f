"""docs/command-line.md names every command, and docs/python.md all that a stack and a build can do."""

from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from sagebuild.cli.app import app
from sagebuild.client.build import Build
from sagebuild.client.stack import Stack
from tests.engine import ROOT

# Told under other names, or not for a person's hands.
UNTOLD = {"stack.service", "stack.made_by", "build.number", "build.is_drawn_above"}


def list_commands(group: Any, before: str = "") -> Iterator[str]:
    """Their names, with the group's before them."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from list_commands(command, f"{name} ")
        else:
            yield f"{before}{name}"


@pytest.mark.parametrize("name", list_commands(get_command(app)))
def test_every_command_is_told(name: str) -> None:
    assert f"`{name}" in (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", [Stack, Build])
def test_everything_that_can_be_done_from_python_is_told(kind: type) -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    names = {f"{kind.__name__.lower()}.{name}" for name in dir(kind) if not name.startswith("_")}
    assert {name for name in names - UNTOLD if name not in page} == set()
