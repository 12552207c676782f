"""Each kind of fault once; ``make faults`` runs them in every state."""

import pytest

from tests.e2e.faults import Table, find_states_without_rows, rows
from tests.e2e.stack import DeployedStack

ROWS = {row.name: row for row in rows()}
# What fails without a fault of AWS's is in test_build.py: jobs, rollbacks, an execution aborted in the console.
CHOSEN = (
    "Find Endpoint: throttling, twice",
    "Create Endpoint Config: 5xx",
    "Update Endpoint: validation error",
    "Create Model: time-out",
    "Train Model: trouble with module",
    "Process Data: aborted",
    "Evaluate Model: job Stopped by someone",
    "Pack Model: model empty",
    "Register Model: crash at dynamodb:UpdateItem",
    "Register Model: aborted",
    "Update Endpoint: aborted",
    "Plan Build: function crashes once",
    "Finish: crash at sns:Publish",
    "Finish: event SUCCEEDED lost",
    "Finish: event FAILED delivered twice",
    "Finish: event FAILED late",
)


@pytest.fixture(scope="module")
def table(deployed: DeployedStack) -> Table:
    return Table(deployed)


@pytest.mark.parametrize("name", CHOSEN)
def test_a_build_under_a_fault_comes_to_its_one_end(table: Table, name: str) -> None:
    result = table.run(ROWS[name])
    assert result.problems == []


def test_the_build_of_another_pipeline_has_waited_all_the_time_and_succeeds(table: Table) -> None:
    assert list(table.neighbour.find_changes()) == []
    assert table.neighbour.finish() == "succeeded"


def test_each_build_has_one_notification(table: Table) -> None:
    assert table.find_wrong_notifications() == []


def test_every_state_that_calls_anything_has_rows() -> None:
    assert find_states_without_rows() == set()
