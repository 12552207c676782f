"""Corrects moto's interpreter of the Amazon States Language where it differs from the service."""

import time
from typing import Any

from moto.stepfunctions.parser.api import EvaluationFailedEventDetails, HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.common.string import string_expression
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison import ConditionStringJSONata
from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import iteration_worker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import branches_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.state_parallel import StateParallel
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_callback
from moto.stepfunctions.parser.asl.component.state.fail import state_fail
from moto.stepfunctions.parser.asl.component.state.wait.state_wait import StateWait
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.parse import preprocessor

from local import config
from local.states.jsonata import QueryError, evaluate

# Wildcards do not match these errors; States.TaskFailed does not match States.Timeout either.
_UNCATCHABLE = ("States.Runtime", "States.DataLimitExceeded")
# The maximum delay before a waiting thread notices a stop.
_POLL_SECONDS = 0.2


def install() -> None:
    """Replace moto's components by the corrected ones."""
    for component in (Choice, Condition, Parallel, Retrier, Wait):
        setattr(preprocessor, component.__mro__[1].__name__, component)
    # A rethrown error may be the interpreter's own, such as States.Timeout, which moto refuses.
    for module in (state_fail, branches_decl, iteration_worker, state_task_service_callback):
        module.CustomErrorName = ErrorName
    # Variables are passed as bindings, not as program text as in moto.
    string_expression.StringJSONata._eval_body = _evaluate_expression
    string_expression.StringVariableSample._eval_body = _evaluate_expression
    ErrorEqualsDecl._eval_body = _match_error


def failure(env: Environment, error: str, cause: str, **details: str) -> FailureEventException:
    """The exception that fails a state with this error and cause."""
    recorded = TaskFailedEventDetails(error=error, cause=cause, **details)
    return FailureEventException(
        FailureEvent(
            env=env,
            error_name=ErrorName(error),
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(taskFailedEventDetails=recorded),
        )
    )


def pause(env: Environment, seconds: float) -> None:
    """Wait for scaled seconds, or until the execution ends."""
    end = time.monotonic() + config.scale_seconds(seconds)
    while env.is_running() and (left := end - time.monotonic()) > 0:
        env.program_state_event.wait(min(left, _POLL_SECONDS))


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
    details = EvaluationFailedEventDetails(
        error="States.QueryEvaluationError",
        cause=f"The JSONata expression '{expression}' specified for the field '{location}' {problem}",
        location=location,
    )
    failed = FailureEventException(
        FailureEvent(
            env=env,
            error_name=ErrorName("States.QueryEvaluationError"),
            event_type=HistoryEventType.EvaluationFailed,
            event_details=EventDetails(evaluationFailedEventDetails=details),
        )
    )
    env.event_manager.add_event(
        context=env.event_history_context,
        event_type=HistoryEventType.EvaluationFailed,
        event_details=EventDetails(evaluationFailedEventDetails=failed.get_evaluation_failed_event_details()),
    )
    return failed


def _match_error(self: Any, env: Environment) -> None:
    raised = env.stack.pop()
    error = raised.error_name if raised else None
    names = {name.error_name for name in self.error_names}
    by_wildcard = "States.ALL" in names or ("States.TaskFailed" in names and error != "States.Timeout")
    env.stack.append(error in names or (by_wildcard and error not in _UNCATCHABLE))


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


class Parallel(StateParallel):  # type: ignore[misc]
    """Evaluates its Arguments where Catch applies."""

    parargs: Any

    def from_state_props(self, state_props: Any) -> None:
        super().from_state_props(state_props)
        self._arguments, self.parargs = self.parargs, None

    def _eval_execution(self, env: Environment) -> None:
        if self._arguments:
            self._arguments.eval(env)
        super()._eval_execution(env)


class Wait(StateWait):  # type: ignore[misc]
    """Waits in scaled time."""

    def _eval_state(self, env: Environment) -> None:
        seconds = self.wait_function._get_wait_seconds(env)
        if isinstance(self.wait_function, Timestamp):
            # moto treats local time as UTC.
            seconds += time.localtime().tm_gmtoff
        pause(env, seconds)
        if self.assign_decl:
            self.assign_decl.eval(env)


class Retrier(RetrierDecl):  # type: ignore[misc]
    """Waits in scaled time before the next attempt."""

    jitter_strategy: EvalComponent

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.jitter_strategy = _Delay(self.jitter_strategy)


class _Delay(EvalComponent):  # type: ignore[misc]
    """The last step of the computation of a delay: it waits, and returns 0 seconds for moto to sleep."""

    def __init__(self, jitter: EvalComponent) -> None:
        self._jitter = jitter

    def _eval_body(self, env: Environment) -> None:
        self._jitter.eval(env)
        pause(env, env.stack.pop())
        env.stack.append(0)
