"""Variables of state machines: an assignment takes effect when its state ends.

https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
"""

from collections.abc import Callable
from typing import Any

from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.variable_store import VariableStore

from local.states.shapes import to_text

_set_at_once = VariableStore.set


def install() -> None:
    """Postpone moto's assignments to the end of the state."""
    VariableStore.set = _postpone
    VariableStore.get_assigned_variables = _describe_assigned
    describe_exit = CommonStateField._get_state_exited_event_details
    CommonStateField._get_state_exited_event_details = _committing(describe_exit)


def _postpone(self: Any, variable_identifier: str, variable_value: Any) -> None:
    self.__dict__.setdefault("postponed", {})[variable_identifier] = variable_value


def _committing(describe_exit: Callable[[Any, Environment], Any]) -> Callable[[Any, Environment], Any]:
    def commit_and_describe_exit(self: Any, env: Environment) -> Any:
        for name, value in env.variable_store.__dict__.pop("postponed", {}).items():
            _set_at_once(env.variable_store, name, value)
        return describe_exit(self, env)

    return commit_and_describe_exit


def _describe_assigned(self: Any) -> dict[str, str]:
    return {name: to_text(self.get(name)) for name in self._declaration_tracing}
