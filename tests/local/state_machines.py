"""Helpers for tests of Step Functions: create and run state machines."""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.engine import Engine
from tests.polling import looks
from tests.roles import create_role

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Machines:
    """Step Functions of an engine, and a role for its state machines."""

    states: Any
    role_arn: str

    @classmethod
    def of(cls, engine: Engine) -> "Machines":
        """The state machines of an engine."""
        name = f"machine-{next(_numbers)}"
        return cls(engine.client("stepfunctions"), create_role(engine, "states", name=name))

    def create(self, states: dict[str, Any], **fields: Any) -> str:
        """Create a state machine that starts at the first state, by default in JSONata; return its ARN."""
        definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states} | fields
        created = self.states.create_state_machine(
            name=f"machine-{next(_numbers)}", definition=json.dumps(definition), roleArn=self.role_arn
        )
        return str(created["stateMachineArn"])

    def start(self, machine_arn: str, given: Any = None, **options: Any) -> str:
        """Start an execution; return its ARN."""
        text = json.dumps({} if given is None else given)
        return str(self.states.start_execution(stateMachineArn=machine_arn, input=text, **options)["executionArn"])

    def finish(self, execution_arn: str) -> dict[str, Any]:
        """Wait until an execution has ended; describe it."""
        ended: dict[str, Any] = wait_for(lambda: self.states.describe_execution(executionArn=execution_arn), has_ended)
        return ended

    def run(self, states: dict[str, Any], given: Any = None, **fields: Any) -> dict[str, Any]:
        """Run a new state machine; describe the ended execution."""
        return self.finish(self.start(self.create(states, **fields), given))

    def output(self, states: dict[str, Any], given: Any = None) -> Any:
        """Run a new state machine, which must succeed; return its output."""
        ended = self.run(states, given)
        assert ended["status"] == "SUCCEEDED", ended
        return json.loads(ended["output"])

    def history(self, execution_arn: str, **options: Any) -> list[dict[str, Any]]:
        """The first page of an execution's history."""
        return list(self.states.get_execution_history(executionArn=execution_arn, **options)["events"])


def has_ended(execution: dict[str, Any]) -> bool:
    """False while an execution runs."""
    return bool(execution["status"] != "RUNNING")


def wait_for(look: Callable[[], Any], is_there: Callable[[Any], bool]) -> Any:
    """Poll with ``look`` until ``is_there`` accepts the result; return it."""
    for _ in looks():
        if is_there(seen := look()):
            return seen
    raise AssertionError(f"there is still {seen}")
