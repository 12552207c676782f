"""docs/command-line.md names every command; docs/python.md names every method of a stack and a build."""

from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from sagebuild.cli.app import app
from sagebuild.client.build import Build
from sagebuild.client.stack import Stack
from tests.engine import ROOT

# Not for users, or explained under another name.
UNDOCUMENTED = {"stack.service", "stack.requested_by", "build.number"}


def list_commands(group: Any, before: str = "") -> Iterator[str]:
    """Yield the names of the commands, each with its group's name before it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from list_commands(command, f"{name} ")
        else:
            yield f"{before}{name}"


@pytest.mark.parametrize("name", list_commands(get_command(app)))
def test_every_command_is_documented(name: str) -> None:
    assert f"`{name}" in (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", [Stack, Build])
def test_every_method_is_documented(kind: type) -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    names = {f"{kind.__name__.lower()}.{name}" for name in dir(kind) if not name.startswith("_")}
    assert {name for name in names - UNDOCUMENTED if name not in page} == set()
