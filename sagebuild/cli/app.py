"""The application: all commands under one name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module, metadata
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

# The commands of each module, in the order of the help. A module is imported when one of its commands is named:
# together they load boto3 and pydantic, which takes most of a second.
MODULES = {
    "builds": (
        *("start", "stop", "approve", "reject", "rollback", "status", "watch", "builds", "show", "compare", "cost"),
        "logs",
    ),
    "promotion": ("promote",),
    "lineage": ("lineage",),
    "stacks": ("predict", "say", "doctor"),
    "projects": ("init", "check", "run", "apply"),
    "sdk_code": ("convert",),
    "deployment": ("up", "down"),
    "conversions": ("migrate",),
    "assistants": ("mcp",),
    "page": ("ui",),
    "params": ("params",),
    "pipelines": ("pipelines",),
    "uploads": ("upload",),
}


class Commands(Mapping[str, Any]):
    """The commands by name; the first use of one imports its module."""

    def __init__(self) -> None:
        self._modules = {name: module for module, names in MODULES.items() for name in names}
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """Return a command, or a group of commands; KeyError if there is none of that name."""
        if name not in self._loaded:
            module = typer.Typer()
            import_module(f"sagebuild.cli.{self._modules[name]}").add_commands(module)
            self._loaded |= get_group(module).commands
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names, and import nothing."""
        return iter(self._modules)

    def __len__(self) -> int:
        """Return how many commands there are."""
        return len(self._modules)


class LazyGroup(TyperGroup):
    """A group that imports a command when it is named, and all of them for its help."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Commands()  # type: ignore[assignment]  # it is only read


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Start, stop and follow builds of SageMaker models, and change their parameters. "
    "Credentials and region come from the same places as for other AWS tools.",
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"sagebuild {metadata.version('sagebuild')}")
        raise typer.Exit


@app.callback()
def accept_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Accept the options before a command."""
