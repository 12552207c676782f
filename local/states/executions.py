"""One execution of a state machine: its history, its end, and its status events."""

import threading
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from moto.stepfunctions.parser.api import ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication
from moto.stepfunctions.parser.backend.execution import Execution as MotoExecution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.utils import TMP_THREADS

from local import events
from local.states import definition
from local.states.history import History
from local.states.shapes import to_epoch_milliseconds, to_iso, to_text

EXPRESS = "EXPRESS"
# A status event omits input and output that are larger together.
_EVENT_DATA_BYTES = 248 * 1024
_KEPT_OF_ENVIRONMENT = ("callback_pool_manager", "map_run_record_pool_manager")


class _Worker(ExecutionWorker):  # type: ignore[misc]
    def _get_evaluation_entrypoint(self) -> EvalComponent:
        return definition.read_program(self._evaluation_details.state_machine_details.definition)

    def _get_evaluation_environment(self) -> Environment:
        environment = super()._get_evaluation_environment()
        execution = self._execution_communication.execution
        execution.history.environment = environment
        environment.event_manager = execution.history
        environment.states.context_object.context_object_data["Execution"] = execution.context
        return environment


class _Communication(BaseExecutionWorkerCommunication):  # type: ignore[misc]
    def terminated(self) -> None:
        self.execution.end()


class Execution(MotoExecution):  # type: ignore[misc]
    """An execution that ends once, with status events for its start and end."""

    def __init__(
        self, is_sync: bool = False, version_arn: str | None = None, alias_arn: str | None = None, **details: Any
    ) -> None:
        super().__init__(cloud_watch_logging_session=None, **details)
        self._is_sync = is_sync
        self.version_arn, self.alias_arn = version_arn, alias_arn
        self.exec_status = ExecutionStatus.RUNNING
        self.history = History(definition.locations(self.state_machine.definition))
        self._ending = threading.Lock()
        self._ended = threading.Event()

    def start(self) -> None:
        """Run in a separate thread."""
        self._emit()
        super().start()

    def is_of(self, arn: str) -> bool:
        """False unless it runs this state machine, or was started by this version or alias."""
        return arn in (self.state_machine_arn, self.version_arn, self.alias_arn)

    def wait(self) -> None:
        """Wait for the end."""
        self._ended.wait()

    def abort(self, error: str | None, cause: str | None) -> None:
        """End the execution now; the threads of running tasks cancel their jobs."""
        with self._ending:
            if self.exec_status != ExecutionStatus.RUNNING:
                return
            self.exec_status = ExecutionStatus.ABORTED
            self.error, self.cause = error, cause
            self.stop_date = datetime.now(UTC)
        environment = self._environment()
        details = {key: value for key, value in (("error", error), ("cause", cause)) if value is not None}
        self.history.add_event(
            environment.event_history_context,
            HistoryEventType.ExecutionAborted,
            {"executionAbortedEventDetails": details},
        )
        environment.set_stop(stop_date=self.stop_date, error=error, cause=cause)
        self._forget_variables()
        self._emit()

    def end(self) -> None:
        """Take the program's final status unless the execution was aborted."""
        with self._ending:
            if self.exec_status != ExecutionStatus.RUNNING:
                return
            self._read_final_status()
        self._forget_variables()
        TMP_THREADS.clear()  # moto keeps each thread, and reads them nowhere
        self._ended.set()
        self._emit()

    def _read_final_status(self) -> None:
        BaseExecutionWorkerCommunication(self)._reflect_execution_status()
        if self.exec_status == ExecutionStatus.TIMED_OUT:
            context = self.exec_worker.env.event_history_context
            self.history.add_event(context, HistoryEventType.ExecutionTimedOut, {"executionTimedOutEventDetails": {}})

    def _forget_variables(self) -> None:
        """Keep only what moto reads of the environment of an ended execution; threads that run on have their own."""
        environment = self._environment()
        kept = {name: getattr(environment, name) for name in _KEPT_OF_ENVIRONMENT}
        self.exec_worker.env = SimpleNamespace(**kept)

    def _environment(self) -> Environment:
        # The execution's thread creates it at its start.
        while self.exec_worker.env is None or self.exec_worker.env.program_state() is None:
            time.sleep(0.01)
        return self.exec_worker.env

    def _emit(self) -> None:
        # https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
        if self.sm_type == EXPRESS:
            return
        data = {"input": self.execution_input, "output": self.output_text}
        fits = sum(len(text.encode()) for text in data.values() if text) <= _EVENT_DATA_BYTES
        detail = {
            "executionArn": self.exec_arn,
            "stateMachineArn": self.state_machine_arn,
            "stateMachineVersionArn": self.version_arn,
            "stateMachineAliasArn": self.alias_arn,
            "name": self.name,
            "status": self.status,
            "startDate": to_epoch_milliseconds(self.start_date),
            "stopDate": to_epoch_milliseconds(self.stop_date) if self.stop_date else None,
            "input": data["input"] if fits else None,
            "inputDetails": {"included": fits},
            "output": data["output"] if fits else None,
            "outputDetails": {"included": fits} if data["output"] else None,
            "error": self.error,
            "cause": self.cause,
            "redriveCount": 0,
            "redriveDate": None,
            "redriveStatus": "NOT_REDRIVABLE",
            "redriveStatusReason": None,
        }
        events.emit(
            source="aws.states",
            detail_type="Step Functions Execution Status Change",
            resources=[self.exec_arn],
            detail=detail,
            region=self.region_name,
        )

    @property
    def output_text(self) -> str | None:
        """The output as JSON text, or None before the execution has succeeded."""
        return to_text(self.output) if self.exec_status == ExecutionStatus.SUCCEEDED else None

    @property
    def context(self) -> dict[str, Any]:
        """The content of ``$states.context.Execution``."""
        data = {
            "Id": self.exec_arn,
            "Input": self.input_data,
            "StartTime": to_iso(self.start_date),
            "Name": self.name,
            "RoleArn": self.role_arn,
        }
        return data if self._is_sync else data | {"RedriveCount": 0}

    def _get_start_execution_worker(self) -> ExecutionWorker:
        return _Worker(
            evaluation_details=super()._get_start_execution_worker()._evaluation_details,
            exec_comm=_Communication(self),
            cloud_watch_logging_session=None,
            activity_store=self._activity_store,
        )
