"""The operations of the Step Functions API whose answers from moto differ from the service's."""

import copy
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions.exceptions import InvalidToken
from moto.stepfunctions.responses import StepFunctionResponse

from local.states.definition import find_problems
from local.states.executions import Execution

_DEFAULT_EVENTS = 100
_DATA_FIELDS = {"input", "output", "inputDetails", "outputDetails", "parameters"}


class StatesResponse(StepFunctionResponse):  # type: ignore[misc]
    """Answers with the data of real executions."""

    def describe_execution(self) -> ActionResult:
        """DescribeExecution."""
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        answer = (
            _summary(execution)
            | {
                "input": execution.execution_input,
                "inputDetails": {"included": True},
                "output": execution.output_text,
                "outputDetails": {"included": True} if execution.output_text is not None else None,
                "traceHeader": execution.trace_header,
                "error": execution.error,
                "cause": execution.cause,
            }
            | _redrive(execution)
        )
        return ActionResult({key: value for key, value in answer.items() if value is not None})

    def list_executions(self) -> ActionResult:
        """ListExecutions, newest first."""
        executions, next_token = self.stepfunction_backend.list_executions(
            self._get_param("stateMachineArn"),
            status_filter=self._get_param("statusFilter"),
            max_results=self._get_int_param("maxResults"),
            next_token=self._get_param("nextToken"),
        )
        return ActionResult({"executions": [_summary(execution) for execution in executions], "nextToken": next_token})

    def stop_execution(self) -> ActionResult:
        """StopExecution."""
        execution = self.stepfunction_backend.abort_execution(
            self._get_param("executionArn"), self._get_param("error"), self._get_param("cause")
        )
        return ActionResult({"stopDate": execution.stop_date})

    def get_execution_history(self) -> ActionResult:
        """GetExecutionHistory."""
        history = self.stepfunction_backend.describe_execution(self._get_param("executionArn")).history
        recorded = history.get_event_history()
        if self._get_param("reverseOrder"):
            recorded.reverse()
        if self._get_param("includeExecutionData") is False:
            recorded = [_without_data(event) for event in recorded]
        token = self._get_param("nextToken") or "0"
        if not token.isdecimal():
            raise InvalidToken(f"'{token}'")
        start = int(token)
        end = start + (self._get_int_param("maxResults") or _DEFAULT_EVENTS)
        next_token = str(end) if end < len(recorded) else None
        return ActionResult({"events": recorded[start:end], "nextToken": next_token})

    def send_task_failure(self) -> ActionResult:
        """SendTaskFailure."""
        self.stepfunction_backend.send_task_failure(
            self._get_param("taskToken"), error=self._get_param("error"), cause=self._get_param("cause")
        )
        return EmptyResult()

    def validate_state_machine_definition(self) -> ActionResult:
        """ValidateStateMachineDefinition."""
        problems = find_problems(self._get_param("definition"))
        diagnostics = [
            {"severity": "ERROR", "code": problem.code, "message": problem.message, "location": problem.location}
            for problem in problems
        ]
        return ActionResult({"result": "FAIL" if problems else "OK", "diagnostics": diagnostics, "truncated": False})


def _summary(execution: Execution) -> dict[str, Any]:
    return {
        "executionArn": execution.execution_arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.start_date,
        "stopDate": execution.stop_date,
        "redriveCount": 0,
    }


def _redrive(execution: Execution) -> dict[str, str]:
    if execution.status in ("RUNNING", "SUCCEEDED"):
        reason = f"Execution is {execution.status} and cannot be redriven"
        return {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}
    return {"redriveStatus": "REDRIVABLE"}


def _without_data(event: dict[str, Any]) -> dict[str, Any]:
    event = copy.copy(event)
    for key, details in event.items():
        if isinstance(details, dict):
            event[key] = {name: value for name, value in details.items() if name not in _DATA_FIELDS}
    return event
