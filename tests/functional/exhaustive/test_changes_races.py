"""A confirmed change is made once, in any order of the calls of two deliveries or of two people."""

import json
from collections.abc import Sequence

import pytest

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import Trigger
from sagebuild.changes.apply import ChangedSincePlanError, apply_change
from sagebuild.changes.plan import plan_change
from sagebuild.changes.token import Action
from sagebuild.launch.start import launch_build
from sagebuild.parameters.store import read_document, write_document
from sagebuild.service import Service
from tests.functional.conftest import SCRIPT, Stack, client, create_stack, empty_moto
from tests.functional.interleaving import Caller, Gate, Gated, every_order, run_in_order


class Race:
    """Two callers that apply tokens to a new stack; `made` holds the results of those that were not refused."""

    def __init__(self, action: Action, *, same: bool, running: bool = False) -> None:
        empty_moto()
        self.stack: Stack = create_stack()
        write_document(self.stack.service, SCRIPT, overwrite=True)
        if running:
            launch_build(self.stack.service, Trigger("upload"))
        values = [{"trainvolumesize": 20}, {"trainvolumesize": 20 if same else 30}]
        tokens = [plan_change(self.stack.service, action, parameters=each).token for each in values]
        self.made: list[int] = []
        self.callers = [self._caller(tokens[0 if same else one], one) for one in range(2)]

    def _caller(self, token: str, position: int) -> Caller:
        def work(gate: Gate) -> None:
            service = Service(self.stack.settings, lambda name: Gated(client(name), gate))
            try:
                apply_change(service, token, by="command")
            except ChangedSincePlanError:
                return
            self.made.append(position)

        return work


@pytest.mark.usefixtures("empty_aws")
@pytest.mark.parametrize("running", [False, True], ids=["now", "after the running build"])
@pytest.mark.parametrize("same", [True, False], ids=["two deliveries", "two people"])
def test_a_start_is_made_once(same: bool, running: bool) -> None:
    def run(order: Sequence[int]) -> list[list[int]]:
        race = Race("start", same=same, running=running)
        choices = run_in_order(race.callers, order)
        state = read_state(race.stack.service)
        assert state.last_number == 1
        assert state.pending is None if not running else state.pending.count == 1 if state.pending else False
        assert race.stack.executions() == ["build-1"]
        assert len(race.made) == (2 if same else 1)
        return choices

    assert every_order(run, interruptions=1) > 15


@pytest.mark.usefixtures("empty_aws")
@pytest.mark.parametrize("same", [True, False], ids=["two deliveries", "two people"])
def test_parameters_are_set_once(same: bool) -> None:
    def run(order: Sequence[int]) -> list[list[int]]:
        race = Race("set parameters", same=same)
        choices = run_in_order(race.callers, order)
        size = json.loads(read_document(race.stack.service))["trainvolumesize"]
        assert len(race.made) == (2 if same else 1)
        assert size == (20 if same else (20, 30)[race.made[0]])
        return choices

    assert every_order(run, interruptions=2) > 10
