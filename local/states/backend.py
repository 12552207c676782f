"""The state machines and executions of one region."""

import copy
import json
import threading
import uuid
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.exceptions import ExecutionAlreadyExists, InvalidExecutionInput, ValidationException
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.api import ExecutionStatus, InvalidDefinition, InvalidOutput, StateMachineAlreadyExists
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from local.states.definition import find_problems
from local.states.executions import Execution


class StatesBackend(StepFunctionsParserBackend):  # type: ignore[misc]
    """Runs state machines, and refuses what the service refuses."""

    # moto finds the addresses of a service by the module of its backend.
    __module__ = "moto.stepfunctions.models"

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._changing = threading.RLock()

    @staticmethod
    def _validate_definition(definition: str) -> None:
        if problems := find_problems(definition):
            raise InvalidDefinition(f"Invalid State Machine Definition: '{'; '.join(map(str, problems))}'")

    def create_state_machine(self, name: str, definition: str, roleArn: str, **options: Any) -> StateMachine:  # noqa: N803
        """Create a machine; the same again is the same machine."""
        if options.get("sm_type") == "EXPRESS":
            raise ValidationException("State machines of type EXPRESS are not served here")
        self._validate_definition(definition)
        with self._changing:
            same_name = next((machine for machine in self.state_machines if machine.name == name), None)
            if same_name and (same_name.definition, same_name.roleArn) != (definition, roleArn):
                raise StateMachineAlreadyExists(f"State Machine Already Exists: '{same_name.arn}'")
            return super().create_state_machine(name, definition, roleArn, **options)

    def delete_state_machine(self, arn: str) -> None:
        """Delete a machine; what it still runs ends with it."""
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
        """Start an execution, or find the one that runs under the same name with the same input."""
        name, execution_input = name or str(uuid.uuid4()), execution_input or "{}"
        self._validate_name(name)
        machine = self.describe_state_machine(state_machine_arn)
        if not isinstance(machine, StateMachine):
            raise ValidationException(f"Versions of state machines are not run here: '{state_machine_arn}'")
        try:
            json.loads(execution_input)
        except ValueError as error:
            raise InvalidExecutionInput(f"Invalid State Machine Execution Input: '{error}'") from error
        with self._changing:
            for execution in machine.executions:
                if execution.name == name:
                    return _repeated(execution, execution_input)
            execution = self._new_execution(machine, name, execution_input, trace_header)
            machine.executions.append(execution)
        execution.start()
        return execution

    def _new_execution(self, machine: StateMachine, name: str, text: str, trace_header: str | None) -> Execution:
        # A later update of the machine leaves the executions that run as they are.
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
        """Stop an execution; one that has ended stays as it is."""
        execution = self.describe_execution(execution_arn)
        execution.abort(error, cause)
        return execution

    def send_task_success(self, task_token: str, outcome: str) -> None:
        """End a task that waits for its token."""
        try:
            json.loads(outcome)
        except ValueError as error:
            raise InvalidOutput(f"Invalid Output: '{error}'") from error
        super().send_task_success(task_token, outcome)

    def _get_executions(self, execution_status: ExecutionStatus | None = None) -> list[Execution]:
        # The environment in which tokens are kept comes with the thread.
        executions = super()._get_executions(execution_status)
        return [execution for execution in executions if execution.exec_worker and execution.exec_worker.env]


def _repeated(execution: Execution, execution_input: str) -> Execution:
    if execution.status != ExecutionStatus.RUNNING or execution.execution_input != execution_input:
        raise ExecutionAlreadyExists(f"Execution Already Exists: '{execution.execution_arn}'")
    return execution
