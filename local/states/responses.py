"""The operations of the Step Functions API whose answers from moto differ from the service's."""

import copy
import math
from collections.abc import Sequence
from typing import Any

from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions.exceptions import InvalidToken, ValidationException
from moto.stepfunctions.responses import StepFunctionResponse

from local.states.diagnostics import find_problems, find_warnings
from local.states.executions import EXPRESS, Execution
from local.states.versions import check_routes

_PAGE_LENGTH = 100
_MAX_DIAGNOSTICS = 100
_UPDATED = ("definition", "roleArn", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration")
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

    def describe_state_machine_for_execution(self) -> ActionResult:
        """DescribeStateMachineForExecution: the state machine as it was when the execution started.

        The fields are those in localstack/localstack, tests/aws/services/stepfunctions/v2/test_sfn_api.snapshot.json
        and test_sfn_api_versioning.snapshot.json, recorded from AWS.
        """
        machine = self.stepfunction_backend.describe_execution(self._get_param("executionArn")).state_machine
        answer = {
            "stateMachineArn": machine.arn,
            "name": machine.name,
            "definition": machine.definition,
            "roleArn": machine.roleArn,
            "updateDate": machine.update_date,
            "loggingConfiguration": machine.loggingConfiguration,
            "tracingConfiguration": machine.tracingConfiguration,
            "encryptionConfiguration": machine.encryptionConfiguration,
            "revisionId": machine.revision_id,
        }
        return ActionResult({key: value for key, value in answer.items() if value is not None})

    def start_sync_execution(self) -> ActionResult:
        """StartSyncExecution."""
        execution = self.stepfunction_backend.start_sync_execution(
            self._get_param("stateMachineArn"),
            self._get_param("name"),
            self._get_param("input"),
            self._get_param("traceHeader"),
        )
        seconds = (execution.stop_date - execution.start_date).total_seconds()
        answer = {name: value for name, value in _summary(execution).items() if name != "redriveCount"} | {
            "input": execution.execution_input,
            "inputDetails": {"included": True},
            "output": execution.output_text,
            "outputDetails": {"included": True},
            "traceHeader": execution.trace_header,
            "error": execution.error,
            "cause": execution.cause,
            # AWS bills in steps of 100 milliseconds and 64 MB: https://aws.amazon.com/step-functions/pricing/
            "billingDetails": {
                "billedMemoryUsedInMB": 64,
                "billedDurationInMilliseconds": max(1, math.ceil(seconds * 10)) * 100,
            },
        }
        return ActionResult({key: value for key, value in answer.items() if value is not None})

    def create_activity(self) -> ActionResult:
        """CreateActivity."""
        backend, name = self.stepfunction_backend, self._get_param("name")
        backend._validate_name(name)
        arn = f"arn:{backend.partition}:states:{backend.region_name}:{backend.account_id}:activity:{name}"
        activity = backend.activities.create(arn, name)
        return ActionResult({"activityArn": arn, "creationDate": activity.creation_date})

    def describe_activity(self) -> ActionResult:
        """DescribeActivity."""
        activity = self.stepfunction_backend.activities.find(self._get_param("activityArn"))
        return ActionResult(
            activity.to_describe_activity_output() | {"encryptionConfiguration": {"type": "AWS_OWNED_KEY"}}
        )

    def list_activities(self) -> ActionResult:
        """ListActivities."""
        page, next_token = self._take_page(list(self.stepfunction_backend.activities.values()))
        activities = [activity.to_activity_list_item() for activity in page]
        return ActionResult({"activities": activities, "nextToken": next_token})

    def delete_activity(self) -> ActionResult:
        """DeleteActivity."""
        self.stepfunction_backend.activities.pop(self._get_param("activityArn"), None)
        return EmptyResult()

    def get_activity_task(self) -> ActionResult:
        """GetActivityTask."""
        task = self.stepfunction_backend.get_activity_task(
            self._get_param("activityArn"), self._get_param("workerName")
        )
        return ActionResult({"taskToken": task.task_token, "input": task.task_input} if task else {})

    def list_executions(self) -> ActionResult:
        """ListExecutions, newest first."""
        if not (arn := self._get_param("stateMachineArn")):
            raise ValidationException("local/ lists the executions of a stateMachineArn only; give one.")
        found = self.stepfunction_backend.list_executions(arn, self._get_param("statusFilter"))
        if self._get_param("redriveFilter") == "REDRIVEN":
            found = []
        page, next_token = self._take_page(found)
        return ActionResult({"executions": [_summary(execution) for execution in page], "nextToken": next_token})

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
        page, next_token = self._take_page(recorded)
        return ActionResult({"events": page, "nextToken": next_token})

    def publish_state_machine_version(self) -> ActionResult:
        """PublishStateMachineVersion."""
        machine = self.stepfunction_backend.find_machine(self._get_param("stateMachineArn"))
        version = machine.publish_revision(self._get_param("revisionId"), self._get_param("description"))
        return ActionResult({"stateMachineVersionArn": version.arn, "creationDate": version.creation_date})

    def list_state_machine_versions(self) -> ActionResult:
        """ListStateMachineVersions, newest first."""
        machine = self.stepfunction_backend.find_machine(self._get_param("stateMachineArn"))
        page, next_token = self._take_page(sorted(machine.versions.values(), key=lambda each: -each.version))
        listed = [{"stateMachineVersionArn": each.arn, "creationDate": each.creation_date} for each in page]
        return ActionResult({"stateMachineVersions": listed, "nextToken": next_token})

    def delete_state_machine_version(self) -> ActionResult:
        """DeleteStateMachineVersion."""
        self.stepfunction_backend.delete_version(self._get_param("stateMachineVersionArn"))
        return EmptyResult()

    def tag_resource(self) -> ActionResult:
        """TagResource."""
        self.stepfunction_backend.check_taggable(self._get_param("resourceArn"))
        return super().tag_resource()

    def describe_state_machine(self) -> ActionResult:
        """DescribeStateMachine, of a version, too."""
        described: Any = super().describe_state_machine().result
        revision = self.stepfunction_backend.describe_state_machine(self._get_param("stateMachineArn")).revision_id
        return ActionResult(described | ({"revisionId": revision} if revision else {}))

    def update_state_machine(self) -> ActionResult:
        """UpdateStateMachine."""
        if not any(map(self._get_param, _UPDATED)):
            raise AWSError(
                "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be "
                "specified",
                "MissingRequiredParameter",
            )
        updated: Any = super().update_state_machine().result
        revision = self.stepfunction_backend.find_machine(self._get_param("stateMachineArn")).revision_id
        return ActionResult(updated | ({"revisionId": revision} if revision else {}))

    def _validate_routing_configuration(self, routing_configuration: list[dict[str, Any]]) -> None:
        check_routes(routing_configuration)

    def _take_page(self, found: Sequence[Any]) -> tuple[Sequence[Any], str | None]:
        """The page of a list that the call asks for, and the token of the next one."""
        token = self._get_param("nextToken") or "0"
        if not token.isdecimal():
            raise InvalidToken(f"'{token}'")
        start = int(token)
        end = start + (self._get_int_param("maxResults") or _PAGE_LENGTH)
        return found[start:end], str(end) if end < len(found) else None

    def send_task_failure(self) -> ActionResult:
        """SendTaskFailure."""
        self.stepfunction_backend.send_task_failure(
            self._get_param("taskToken"), error=self._get_param("error"), cause=self._get_param("cause")
        )
        return EmptyResult()

    def validate_state_machine_definition(self) -> ActionResult:
        """ValidateStateMachineDefinition."""
        definition = self._get_param("definition")
        found = find_problems(definition, is_express=self._get_param("type") == EXPRESS)
        result = "FAIL" if found else "OK"
        if not found and self._get_param("severity") == "WARNING":
            found = find_warnings(definition)
        count = self._get_int_param("maxResults") or _MAX_DIAGNOSTICS
        diagnostics = [problem.diagnostic for problem in found[:count]]
        return ActionResult({"result": result, "diagnostics": diagnostics, "truncated": len(found) > count})


def _summary(execution: Execution) -> dict[str, Any]:
    return {
        "executionArn": execution.execution_arn,
        "stateMachineArn": execution.state_machine_arn,
        "stateMachineVersionArn": execution.version_arn,
        "stateMachineAliasArn": execution.alias_arn,
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
