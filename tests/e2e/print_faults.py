"""``make faults``: every fault in every state of the build, on a laptop's AWS, as a table."""

import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from tests.e2e.faults import Result, Row, Table, rows
from tests.e2e.stack import DeployedStack, deploy
from tests.engine import Engine, running_engine
from tests.local.state_machines import Machines


def main(words: list[str]) -> int:
    """Run the rows whose names contain one of the words, or all; return 1 if anything is wrong, else 0."""
    chosen = [row for row in rows() if not words or any(word in row.name for word in words)]
    console = Console()
    with tempfile.TemporaryDirectory() as folder, running_engine(Path(folder), "--time-scale", "20") as engine:
        console.print(f"Deploying the service, then {len(chosen)} builds ...")
        table = Table(_deploy(engine))
        results = _run(console, table, chosen)
        other = table.neighbour.finish()
        repeated = table.find_wrong_notifications()
        repeated += [] if other == "succeeded" else [f"the build of the other pipeline {other}"]
    for problem in repeated:
        console.print(f"[red]{problem}")
    wrong = sum(bool(result.problems) for result in results)
    console.print(
        f"{len(results)} rows, {wrong} wrong; one notification for each build: {'no' if repeated else 'yes'}."
    )
    return 1 if wrong or repeated else 0


def _deploy(engine: Engine) -> DeployedStack:
    """Deploy the service with the user's own state machines before and after the build."""
    own = Machines.of(engine).create({"Nothing": {"Type": "Succeed"}})
    return deploy(engine, f"preprocessStateMachine={own}", f"postprocessStateMachine={own}")


def _run(console: Console, table: Table, chosen: list[Row]) -> list[Result]:
    shown = RichTable("State", "Fault", "The build", "Reason", "s", "Wrong")
    results = []
    for row in chosen:
        result = _try(table, row)
        results.append(result)
        wrong = "; ".join(result.problems)
        reason = result.reason.splitlines()[0][:80] if result.reason else ""
        console.print(f"{row.name}: {result.status} [red]{escape(wrong)}")
        cells = [row.state, row.kind, result.status, reason, f"{result.seconds:.0f}", wrong]
        shown.add_row(*map(escape, cells), style="red" if wrong else "")
    console.print(shown)
    return results


def _try(table: Table, row: Row) -> Result:
    """Run a row; a row that does not end, or that breaks off, counts as wrong, and the next row runs."""
    try:
        return table.run(row)
    except Exception as error:  # one row's error must not hide the others
        return Result(row, "?", "", 0, [f"{type(error).__name__}: {error}"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
