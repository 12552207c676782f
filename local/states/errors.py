"""The failures of states: their error names, causes and places."""

from collections.abc import Callable
from typing import Any

from moto.stepfunctions.parser.api import EvaluationFailedEventDetails, HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import iteration_worker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import branches_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_activitiy
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_callback
from moto.stepfunctions.parser.asl.component.state.fail import state_fail
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

QUERY_ERROR = "States.QueryEvaluationError"
# The causes of these errors name the state.
_PLACED = ("States.Runtime", QUERY_ERROR)
_PLACE = "An error occurred while executing the state "
# Wildcards do not match this error; States.TaskFailed does not match States.Timeout either. States.ALL matches the
# States.DataLimitExceeded of a task's result; that of a state's output cannot be caught at all.
_UNCATCHABLE = ("States.Runtime",)


def install() -> None:
    """Replace moto's handling of failures by this one."""
    # A rethrown error may be the interpreter's own, such as States.Timeout, which moto refuses.
    for module in (
        state_fail,
        branches_decl,
        iteration_worker,
        state_task_service_callback,
        state_task_activitiy,
    ):
        module.CustomErrorName = ErrorName
    ErrorEqualsDecl._eval_body = _match_error
    FailureEvent.__init__ = _placing(FailureEvent.__init__)
    FailureEventException.get_execution_failed_event_details = _describe_failure


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


def query_failure(env: Environment, cause: str, location: str = "") -> FailureEventException:
    """The exception that fails a state with States.QueryEvaluationError; the history records the evaluation."""
    details = EvaluationFailedEventDetails(error=QUERY_ERROR, cause=cause)
    if location:
        details["location"] = location
    failed = FailureEventException(
        FailureEvent(
            env=env,
            error_name=ErrorName(QUERY_ERROR),
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


def place(failed: FailureEvent) -> str:
    """The sentence that says in which state a failure happened."""
    return f"{_PLACE}'{failed.state_name}' (entered at the event id #{failed.source_event_id})."


def _placing(construct: Callable[..., None]) -> Callable[..., None]:
    def construct_placed(self: Any, env: Environment, *args: Any, **kwargs: Any) -> None:
        construct(self, env, *args, **kwargs)
        # moto takes the last event, which inside of a state is not the one that entered it.
        self.source_event_id = env.event_manager.find_entered(self.state_name, self.source_event_id)

    return construct_placed


def _describe_failure(self: Any) -> dict[str, str] | None:
    pair = self.extract_error_cause_pair()
    if pair is None:
        return None
    error, cause = pair
    # A failed branch or iteration has a place already.
    if cause and error in _PLACED and not cause.startswith(_PLACE):
        cause = f"{place(self.failure_event)} {cause}"
    # Of a failure by token, the missing fields are null, and not absent.
    known = next(iter(self.failure_event.event_details.values()))
    return {name: value for name, value in (("error", error), ("cause", cause)) if value or name in known}


def _match_error(self: Any, env: Environment) -> None:
    raised = env.stack.pop()
    error = raised.error_name if raised else None
    names = {name.error_name for name in self.error_names}
    by_wildcard = "States.ALL" in names or ("States.TaskFailed" in names and error != "States.Timeout")
    env.stack.append(error in names or (by_wildcard and error not in _UNCATCHABLE))
