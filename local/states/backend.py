"""The backend of Step Functions: the state machines and executions of one region."""

import copy
import json
import threading
import uuid
from datetime import UTC, datetime
from typing import Any

from moto.core.exceptions import AWSError
from moto.stepfunctions.exceptions import (
    ExecutionAlreadyExists,
    InvalidArn,
    InvalidExecutionInput,
    InvalidToken,
    ResourceNotFound,
)
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackEndpoint,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
)
from moto.stepfunctions.parser.backend.activity import ActivityTask
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from local.states.activities import Activities
from local.states.diagnostics import find_problems
from local.states.executions import EXPRESS, Execution
from local.states.versions import Target, VersionsBackend, find_target


class StatesBackend(VersionsBackend):
    """Runs state machines, and refuses the requests that the service refuses."""

    # moto finds the URLs of a service by the module of its backend.
    __module__ = "moto.stepfunctions.models"

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._changing = threading.RLock()
        self.activities = Activities()

    @staticmethod
    def _validate_definition(definition: str, sm_type: str | None = None) -> None:
        if problems := find_problems(definition, is_express=sm_type == EXPRESS):
            listed = ", ".join(map(str, problems))
            raise AWSError(f"Invalid State Machine Definition: '{listed}'", "InvalidDefinition")

    def create_state_machine(self, name: str, definition: str, roleArn: str, **options: Any) -> StateMachine:  # noqa: N803
        """Create a state machine; an identical request returns the existing one."""
        self._validate_definition(definition, options.get("sm_type"))
        with self._changing:
            same_name = next((machine for machine in self.state_machines if machine.name == name), None)
            if same_name and (same_name.definition, same_name.roleArn) != (definition, roleArn):
                raise AWSError(f"State Machine Already Exists: '{same_name.arn}'", "StateMachineAlreadyExists")
            # Without the interpreter's own check, which knows less of the language.
            return super(StepFunctionsParserBackend, self).create_state_machine(name, definition, roleArn, **options)

    def update_state_machine(self, arn: str, definition: str | None = None, *args: Any, **options: Any) -> StateMachine:
        """Update a state machine; its type has rules of its own."""
        if definition is not None:
            self._validate_definition(definition, self.describe_state_machine(arn).type)
        return super().update_state_machine(arn, definition, *args, **options)

    def check_taggable(self, arn: str) -> None:
        """Refuse an ARN that is not that of a state machine or activity; versions and aliases have no tags."""
        if arn not in self.activities and all(machine.arn != arn for machine in self.state_machines):
            raise ResourceNotFound(arn)

    def delete_state_machine(self, arn: str) -> None:
        """Delete a state machine, and abort its running executions."""
        for machine in [machine for machine in self.state_machines if machine.arn == arn]:
            for execution in machine.executions:
                execution.abort(None, None)
        super().delete_state_machine(arn)

    def start_execution(
        self,
        state_machine_arn: str,
        name: str | None = None,
        execution_input: str | None = None,
        trace_header: str | None = None,
    ) -> Execution:
        """Start an execution; return the running one with the same name and input if there is one."""
        name, execution_input = name or str(uuid.uuid4()), execution_input or "{}"
        target = self._find_startable(state_machine_arn, name, execution_input)
        machine = target.machine
        if machine.type == EXPRESS:
            execution = self._new_execution(target, name, execution_input, trace_header)
            execution.start()
            return execution
        with self._changing:
            for execution in machine.executions:
                if execution.name == name:
                    return _return_running(execution, execution_input)
            execution = self._new_execution(target, name, execution_input, trace_header)
            machine.executions.append(execution)
        execution.start()
        return execution

    def start_sync_execution(self, arn: str, name: str | None, text: str | None, trace_header: str | None) -> Execution:
        """Run an execution of an EXPRESS state machine to its end."""
        name, text = name or str(uuid.uuid4()), text or "{}"
        target = self._find_startable(arn, name, text)
        if target.machine.type != EXPRESS:
            raise _UnsupportedTypeError
        execution = self._new_execution(target, name, text, trace_header, is_sync=True)
        execution.start()
        execution.wait()
        return execution

    def _find_startable(self, state_machine_arn: str, name: str, execution_input: str) -> Target:
        self._validate_name(name)
        self._validate_machine_arn(state_machine_arn)
        target = find_target(self.state_machines, state_machine_arn)
        try:
            json.loads(execution_input)
        except ValueError as error:
            raise InvalidExecutionInput(f"Invalid State Machine Execution Input: '{error}'") from error
        return target

    def list_executions(self, state_machine_arn: str, status: str | None) -> list[Execution]:
        """The executions of a STANDARD state machine, or those that a version or alias started, newest first."""
        machine = self.find_machine(state_machine_arn)
        if machine.type == EXPRESS:
            raise _UnsupportedTypeError
        found = [each for each in machine.executions if status in (None, each.status) and each.is_of(state_machine_arn)]
        return sorted(found, key=lambda each: each.start_date, reverse=True)

    def _validate_execution_arn(self, execution_arn: str) -> None:
        if execution_arn.split(":")[5:6] == ["express"]:
            raise InvalidArn("Invalid Arn: 'Resource type not valid in this context: express'")
        super()._validate_execution_arn(execution_arn)

    def _new_execution(
        self, target: Target, name: str, text: str, trace_header: str | None, is_sync: bool = False
    ) -> Execution:
        # A later update of the state machine does not change running executions.
        machine, revision = copy.copy(target.machine), target.version or target.machine
        machine.definition, machine.roleArn = revision.definition, revision.roleArn
        machine.revision_id, machine.update_date = revision.revision_id, revision.update_date
        return Execution(
            name=name,
            sm_type=machine.type,
            role_arn=machine.roleArn,
            exec_arn=_execution_arn(machine, name),
            account_id=self.account_id,
            region_name=self.region_name,
            state_machine=machine,
            start_date=datetime.now(UTC),
            input_data=text,
            trace_header=trace_header,
            activity_store=self.activities,
            is_sync=is_sync,
            version_arn=target.version.arn if target.version else None,
            alias_arn=target.alias_arn,
        )

    def abort_execution(self, execution_arn: str, error: str | None, cause: str | None) -> Execution:
        """Abort an execution; an ended one does not change."""
        execution: Execution = self.describe_execution(execution_arn)
        execution.abort(error, cause)
        return execution

    def send_task_success(self, task_token: str, outcome: str) -> None:
        """Complete the task that waits for a token."""
        endpoint = self._waiting_task(task_token)
        try:
            json.loads(outcome)
        except ValueError as error:
            raise AWSError(f"Invalid Output: '{error}'", "InvalidOutput") from error
        endpoint.notify(CallbackOutcomeSuccess(task_token, outcome))

    def send_task_failure(self, task_token: str, error: str | None = None, cause: str | None = None) -> None:
        """Fail the task that waits for a token."""
        self._waiting_task(task_token).notify(CallbackOutcomeFailure(task_token, error, cause))

    def send_task_heartbeat(self, task_token: str) -> None:
        """Record a heartbeat of the task that waits for a token."""
        self._waiting_task(task_token).notify_heartbeat()

    def get_activity_task(self, arn: str, worker_name: str | None) -> ActivityTask | None:
        """Wait for a task of an activity, and start it."""
        while task := self.activities.await_task(arn):
            try:
                self._waiting_task(task.task_token).notify_activity_task_start(worker_name)
            except AWSError:
                continue  # Its execution has ended.
            return task
        return None

    def _waiting_task(self, task_token: str) -> CallbackEndpoint:
        for execution in self._get_executions():
            # The execution's thread creates the environment, which holds the tokens.
            environment = execution.exec_worker and execution.exec_worker.env
            if environment and (endpoint := environment.callback_pool_manager.get(task_token)):
                if execution.status == ExecutionStatus.RUNNING and endpoint.consumer_error is None:
                    return endpoint
                raise AWSError("Task Timed Out: 'Provided task does not exist anymore'", "TaskTimedOut")
        raise InvalidToken("'Invalid token'")


def _return_running(execution: Execution, execution_input: str) -> Execution:
    if execution.status != ExecutionStatus.RUNNING or execution.execution_input != execution_input:
        raise ExecutionAlreadyExists(f"Execution Already Exists: '{execution.execution_arn}'")
    return execution


class _UnsupportedTypeError(AWSError):  # type: ignore[misc]
    TYPE = "StateMachineTypeNotSupported"
    STATUS = 400

    def __init__(self) -> None:
        super().__init__("This operation is not supported by this type of state machine")


def _execution_arn(machine: StateMachine, name: str) -> str:
    if machine.type != EXPRESS:
        return f"{machine.arn.replace(':stateMachine:', ':execution:')}:{name}"
    return f"{machine.arn.replace(':stateMachine:', ':express:')}:{name}:{uuid.uuid4()}"
