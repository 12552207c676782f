"""Corrects moto's interpreter of the Amazon States Language where it differs from the service."""

from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.common.string import string_expression
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison import ConditionStringJSONata
from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import branches_decl
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.parse import preprocessor

from local.states import errors, variables, waits
from local.states.branches import Branch, Parallel
from local.states.errors import failure, query_failure
from local.states.jsonata import QueryError, evaluate
from local.states.map_states import Map
from local.states.waits import Retrier, Wait


def install() -> None:
    """Replace moto's components by the corrected ones."""
    for component in (Choice, Condition, Map, Parallel, Retrier, Wait):
        setattr(preprocessor, component.__mro__[1].__name__, component)
    branches_decl.BranchWorker = Branch
    # Variables are passed as bindings, not as program text as in moto.
    string_expression.StringJSONata._eval_body = _evaluate_expression
    string_expression.StringVariableSample._eval_body = _evaluate_expression
    errors.install()
    variables.install()
    waits.install()


def _evaluate_expression(self: Any, env: Environment) -> None:
    variables = {
        "states": env.states._states_data,
        **env.variable_store._outer_scope,
        **env.variable_store._inner_scope,
    }
    try:
        env.stack.append(evaluate(self.expression, variables))
    except QueryError as error:
        raise _query_failure(env, self.expression, str(error)) from error


def _query_failure(env: Environment, expression: str, problem: str) -> FailureEventException:
    location = env.event_manager.locate(env.next_state_name, expression)
    cause = f"The JSONata expression '{expression}' specified for the field '{location}' {problem}"
    return query_failure(env, cause, location)


class Choice(StateChoice):  # type: ignore[misc]
    """Fails with States.NoChoiceMatched, where moto fails with States.Runtime."""

    def _eval_state(self, env: Environment) -> None:
        for rule in self.choices_decl.rules:
            rule.eval(env)
            if env.stack.pop() is True:
                env.stack.append(rule.next_stmt.name)
                return
        if self.default_state is None:
            cause = "Failed to transition out of the state. The state does not point to a next state."
            entered = env.event_history_context.source_event_id
            place = f"An error occurred while executing the state '{self.name}' (entered at the event id #{entered})."
            raise failure(env, "States.NoChoiceMatched", f"{place} {cause}")
        env.stack.append(self.default_state.state_name)


class Condition(ConditionStringJSONata):  # type: ignore[misc]
    """Fails with an evaluation error for a value that is not a boolean."""

    def _eval_body(self, env: Environment) -> None:
        self.string_jsonata.eval(env)
        if not isinstance(env.stack[-1], bool):
            raise _query_failure(env, self.string_jsonata.expression, "returned no boolean.")
