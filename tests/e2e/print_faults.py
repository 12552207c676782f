"""``make faults``: every fault in every state of the build, on three of a laptop's AWS, as a table."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from tests.e2e.faults import Result, Row, Table, rows
from tests.e2e.stack import DeployedStack, deploy
from tests.engine import Engine, running_engine
from tests.local.state_machines import Machines

# Each has a process of its own and runs a share of the rows; a row waits more than it computes.
_ENGINES = 3


@dataclass(frozen=True)
class Line:
    """A row of the printed table, and what was wrong."""

    name: str
    cells: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Share:
    """The lines of the rows that one engine ran, and what was wrong with all of its builds together."""

    lines: list[Line]
    problems: list[str]


def main(words: list[str]) -> int:
    """Run the rows whose names contain one of the words, or all; return 1 if anything is wrong, else 0."""
    names = [row.name for row in rows() if not words or any(word in row.name for word in words)]
    console = Console()
    engines = min(_ENGINES, len(names)) or 1
    console.print(f"Engines: {engines}. Deploying the service to each, then {len(names)} builds ...")
    with ProcessPoolExecutor(engines, get_context("spawn")) as pool:
        shares = list(pool.map(run_share, [names[number::engines] for number in range(engines)]))
    lines = {line.name: line for share in shares for line in share.lines}
    console.print(_draw([lines[name] for name in names]))
    problems = [problem for share in shares for problem in share.problems]
    for problem in problems:
        console.print(f"[red]{problem}")
    wrong = sum(bool(line.problems) for line in lines.values())
    console.print(f"{len(lines)} rows, {wrong} wrong; one notification for each build: {'no' if problems else 'yes'}.")
    return 1 if wrong or problems else 0


def run_share(names: Sequence[str]) -> Share:
    """Run the named rows on an engine, and print the outcome of each."""
    chosen = [row for row in rows() if row.name in names]
    with tempfile.TemporaryDirectory() as folder, running_engine(Path(folder), "--time-scale", "40") as engine:
        table = Table(_deploy(engine))
        lines = list(_run(table, chosen))
        other = table.neighbour.finish()
        problems = table.find_wrong_notifications()
    return Share(lines, [*problems, *([] if other == "succeeded" else [f"the build of the other pipeline {other}"])])


def _deploy(engine: Engine) -> DeployedStack:
    """Deploy the service with the user's own state machines before and after the build."""
    own = Machines.of(engine).create({"Nothing": {"Type": "Succeed"}})
    return deploy(engine, f"preprocessStateMachine={own}", f"postprocessStateMachine={own}")


def _run(table: Table, chosen: Sequence[Row]) -> Iterator[Line]:
    console = Console()
    for row in chosen:
        result = _try(table, row)
        wrong = "; ".join(result.problems)
        reason = result.reason.splitlines()[0][:80] if result.reason else ""
        console.print(f"{row.name}: {result.status} [red]{escape(wrong)}")
        cells = (row.state, row.kind, result.status, reason, f"{result.seconds:.0f}", wrong)
        yield Line(row.name, cells, tuple(result.problems))


def _try(table: Table, row: Row) -> Result:
    """Run a row; a row that does not end, or that breaks off, counts as wrong, and the next row runs."""
    try:
        return table.run(row)
    except Exception as error:  # one row's error must not hide the others
        return Result(row, "?", "", 0, [f"{type(error).__name__}: {error}"])


def _draw(lines: Sequence[Line]) -> RichTable:
    shown = RichTable("State", "Fault", "The build", "Reason", "s", "Wrong")
    for line in lines:
        shown.add_row(*map(escape, line.cells), style="red" if line.problems else "")
    return shown


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
