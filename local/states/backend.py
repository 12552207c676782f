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
    InvalidExecutionInput,
    InvalidToken,
    ValidationException,
)
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackEndpoint,
    CallbackOutcome,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
)
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from local.states.definition import find_problems
from local.states.executions import Execution


class StatesBackend(StepFunctionsParserBackend):  # type: ignore[misc]
    """Runs state machines, and refuses the requests that the service refuses."""

    # moto finds the URLs of a service by the module of its backend.
    __module__ = "moto.stepfunctions.models"

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._changing = threading.RLock()

    @staticmethod
    def _validate_definition(definition: str) -> None:
        if problems := find_problems(definition):
            listed = "; ".join(map(str, problems))
            raise AWSError(f"Invalid State Machine Definition: '{listed}'", "InvalidDefinition")

    def create_state_machine(self, name: str, definition: str, roleArn: str, **options: Any) -> StateMachine:  # noqa: N803
        """Create a state machine; an identical request returns the existing one."""
        if options.get("sm_type") == "EXPRESS":
            raise ValidationException("State machines of type EXPRESS are not served here")
        self._validate_definition(definition)
        with self._changing:
            same_name = next((machine for machine in self.state_machines if machine.name == name), None)
            if same_name and (same_name.definition, same_name.roleArn) != (definition, roleArn):
                raise AWSError(f"State Machine Already Exists: '{same_name.arn}'", "StateMachineAlreadyExists")
            return super().create_state_machine(name, definition, roleArn, **options)

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
        self._validate_name(name)
        machine = self.describe_state_machine(state_machine_arn)
        if not isinstance(machine, StateMachine):
            raise ValidationException(f"Versions of state machines are not served here: '{state_machine_arn}'")
        try:
            json.loads(execution_input)
        except ValueError as error:
            raise InvalidExecutionInput(f"Invalid State Machine Execution Input: '{error}'") from error
        with self._changing:
            for execution in machine.executions:
                if execution.name == name:
                    return _return_running(execution, execution_input)
            execution = self._new_execution(machine, name, execution_input, trace_header)
            machine.executions.append(execution)
        execution.start()
        return execution

    def _new_execution(self, machine: StateMachine, name: str, text: str, trace_header: str | None) -> Execution:
        # A later update of the state machine does not change running executions.
        snapshot = copy.copy(machine)
        return Execution(
            name=name,
            sm_type=machine.sm_type,
            role_arn=machine.roleArn,
            exec_arn=machine.arn.replace(":stateMachine:", ":execution:") + f":{name}",
            account_id=self.account_id,
            region_name=self.region_name,
            state_machine=snapshot,
            start_date=datetime.now(UTC),
            input_data=text,
            trace_header=trace_header,
        )

    def abort_execution(self, execution_arn: str, error: str | None, cause: str | None) -> Execution:
        """Abort an execution; an ended one does not change."""
        execution: Execution = self.describe_execution(execution_arn)
        execution.abort(error, cause)
        return execution

    def send_task_success(self, task_token: str, outcome: str) -> None:
        """Complete the task that waits for a token."""
        try:
            json.loads(outcome)
        except ValueError as error:
            raise AWSError(f"Invalid Output: '{error}'", "InvalidOutput") from error
        self._end_task(CallbackOutcomeSuccess(task_token, outcome))

    def send_task_failure(self, task_token: str, error: str | None = None, cause: str | None = None) -> None:
        """Fail the task that waits for a token."""
        self._end_task(CallbackOutcomeFailure(task_token, error, cause))

    def send_task_heartbeat(self, task_token: str) -> None:
        """Record a heartbeat of the task that waits for a token."""
        self._waiting_task(task_token).notify_heartbeat()

    def _end_task(self, outcome: CallbackOutcome) -> None:
        self._waiting_task(outcome.callback_id).notify(outcome)

    def _waiting_task(self, task_token: str) -> CallbackEndpoint:
        for execution in self._get_executions():
            # The execution's thread creates the environment, which holds the tokens.
            environment = execution.exec_worker and execution.exec_worker.env
            if environment and (endpoint := environment.callback_pool_manager.get(task_token)):
                if execution.status == ExecutionStatus.RUNNING and endpoint.consumer_error is None:
                    return endpoint
                raise AWSError("Task Timed Out: 'Provided task does not exist anymore'", "TaskTimedOut")
        raise InvalidToken


def _return_running(execution: Execution, execution_input: str) -> Execution:
    if execution.status != ExecutionStatus.RUNNING or execution.execution_input != execution_input:
        raise ExecutionAlreadyExists(f"Execution Already Exists: '{execution.execution_arn}'")
    return execution
