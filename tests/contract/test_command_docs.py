"""The docs name every command, every tool, every member of a build in JSON, and every method of a stack and a build."""

import json
import re
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from typer.main import get_command

from sagebuild.assistants.server import create_server
from sagebuild.builds.records import BuildRecord, Trigger
from sagebuild.cli.app import app
from sagebuild.client.build import Build
from sagebuild.client.public_record import describe_publicly
from sagebuild.client.stack import Stack
from sagebuild.project import Project
from tests.engine import ROOT

NOW = "2026-01-02T03:04:05+00:00"
# Not for users, or explained under another name.
UNDOCUMENTED = {"stack.service", "stack.requested_by", "build.number", "build.service"}


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


def test_every_tool_for_assistants_is_documented() -> None:
    tools = anyio.run(create_server(lambda: pytest.fail("no tool is called"), allow_changes=True).list_tools)
    page = (ROOT / "docs" / "assistants.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [tool.name for tool in tools]


def test_the_configurations_of_assistants_run_the_server() -> None:
    page = (ROOT / "docs" / "assistants.md").read_text(encoding="utf-8")
    found = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    assert [*map(list, found)] == [["mcpServers"], ["servers"]]
    for configuration in found:
        (server,) = [one["sagebuild"] for one in configuration.values()]
        command = get_command(app).commands[server["args"][0]]  # type: ignore[attr-defined]
        command.make_context("mcp", server["args"][1:])


@pytest.mark.parametrize("kind", [Stack, Build, Project])
def test_every_method_is_documented(kind: type) -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    names = {f"{kind.__name__.lower()}.{name}" for name in dir(kind) if not name.startswith("_")}
    assert {name for name in names - UNDOCUMENTED if name not in page} == set()


def test_every_member_of_a_build_in_json_is_documented() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    table = page.partition("A build has these members.")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    build = BuildRecord(1, Trigger("command"), NOW, parameters='{"trainmaxrun": 1}', overrides='{"spot": false}')
    public = describe_publicly(build)
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row)) == sorted({*public, "console_url"})
    assert (public["parameters"], public["overrides"]) == ({"trainmaxrun": 1}, {"spot": False})
    assert not [name for name in public if re.search("token|claim|notified|scaling|keep", name)]


@pytest.mark.parametrize(("text", "value"), [("", None), ("[1]", "[1]"), ("{oops", "{oops"), ("{}", {})])
def test_a_document_that_is_no_object_is_text_in_json(text: str, value: Any) -> None:
    assert describe_publicly(BuildRecord(1, Trigger("command"), NOW, parameters=text))["parameters"] == value
