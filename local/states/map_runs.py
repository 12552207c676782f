"""Map Runs: the child executions of a distributed Map state, and how many of them may fail."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from moto.core.exceptions import AWSError
from moto.stepfunctions.parser.api import HistoryEventType, MapRunStatus
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.state.exec.state_task.credentials import StateCredentials
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramError, ProgramTimedOut

from local.states.map_items import ItemError, batches, read_items
from local.states.map_results import Child, child_arns, transform, write_results
from local.states.tasks import client_for

# The service runs up to 10,000 children at once; more threads than this make a laptop no faster.
_MAX_THREADS = 40
_FAILURES = {"FAILED": "failed", "TIMED_OUT": "timed_out", "ABORTED": "aborted"}


class MapRunNotFoundError(AWSError):  # type: ignore[misc]
    """A call names a Map Run that does not exist; moto creates its own error without the message that it needs."""

    TYPE = "ResourceNotFound"
    STATUS = 400

    def __init__(self) -> None:
        super().__init__("Request references a resource that does not exist.")


@dataclass
class MapRun:
    """One Map Run.

    Parameters
    ----------
    env
        The environment of the Map state.
    given
        What moto has evaluated of the state: its items, item reader, selector, concurrency and tolerances.
    fields
        The fields of the state that moto does not parse; see ``map_states.MapFields``.
    program
        The workflow of the children.
    """

    env: Environment
    given: Any
    fields: Any
    program: Any
    children: list[Child] = field(default_factory=list)

    def run(self) -> None:
        """Run the children, and leave the output of the state on the stack."""
        record = self.given.map_run_record
        limit, problem = self._evaluate_limit()
        self._add(HistoryEventType.MapRunStarted, mapRunStartedEventDetails={"mapRunArn": record.map_run_arn})
        try:
            if problem:
                raise problem
            self._run_children(list(itertools.islice(self._read(), limit)))
            is_aborted = not self.env.is_running()
            output = None if is_aborted else self._report()
        except FailureEventException as failed:
            error, cause = failed.extract_error_cause_pair() or (None, None)
            details = {name: value for name, value in (("error", error), ("cause", cause)) if value}
            self._add(HistoryEventType.MapRunFailed, mapRunFailedEventDetails=details)
            record.set_stop(status=MapRunStatus.FAILED)
            raise
        if not is_aborted:
            self._add(HistoryEventType.MapRunSucceeded)
        record.set_stop(status=MapRunStatus.ABORTED if is_aborted else MapRunStatus.SUCCEEDED)
        self.env.stack.append(output)

    def _add(self, event_type: Any, **details: Any) -> None:
        self.env.event_manager.add_event(
            context=self.env.event_history_context, event_type=event_type, event_details=EventDetails(**details)
        )

    def _failure(self, error: str, cause: str) -> FailureEventException:
        return FailureEventException(
            FailureEvent(
                env=self.env,
                error_name=ErrorName(error),
                event_type=HistoryEventType.MapRunFailed,
                event_details=EventDetails(mapRunFailedEventDetails={"error": error, "cause": cause}),
            )
        )

    def _evaluate_limit(self) -> tuple[int | None, FailureEventException | None]:
        """MaxItems; a value that is no number fails before the Map Run starts, and a negative one in it."""
        reader = self.given.item_reader
        if reader is None or reader.reader_config is None:
            return None, None
        try:
            reader.reader_config.max_items_decl.eval(self.env)
        except FailureEventException as failed:
            if failed.failure_event.event_type == HistoryEventType.ExecutionFailed:
                raise
            return None, failed
        return self.env.stack.pop(), None

    def _client(self, resource: Any) -> Any:
        resource.eval(self.env)
        credentials = StateCredentials(role_arn=self.env.aws_execution_details.role_arn)
        return client_for(self.env.stack.pop().region, "s3", credentials)

    def _read(self) -> Iterator[Any]:
        reader = self.given.item_reader
        if reader is None:
            return iter(self.given.input_items)
        request = {}
        if reader.parargs:
            reader.parargs.eval(self.env)
            request = self.env.stack.pop()
        try:
            items = read_items(
                self._client(reader.resource), reader.resource.api_action, request, self.fields.reader_config
            )
            return iter(list(items))
        except (ItemError, ClientError) as error:
            raise self._failure("States.ItemReaderFailed", str(error)) from error

    def _inputs(self, items: list[Any]) -> list[tuple[Any, int]]:
        selected = [self._select(index, item) for index, item in enumerate(items)]
        if self.fields.batcher is None:
            return [(item, 1) for item in selected]
        return list(batches(selected, self.fields.batcher.evaluate(self.env)))

    def _select(self, index: int, item: Any) -> Any:
        selector = self.given.item_selector or self.given.parameters
        if selector is None:
            return item
        frame = self._frame(index, item)
        frame.states.reset(self.env.stack[-1])
        frame.stack.append(self.env.stack[-1])
        selector.eval(frame)
        self.env.delete_frame(frame)
        return frame.stack[-1]

    def _frame(self, index: int, item: Any) -> Environment:
        frame = self.env.open_inner_frame(EventHistoryContext.of_program_start())
        frame.states.context_object.context_object_data["Map"] = {"Item": {"Index": index, "Value": item}}
        return frame

    def _run_children(self, items: list[Any]) -> None:
        inputs = self._inputs(items)
        total = sum(count for _, count in inputs)
        concurrency = self.given.map_run_record.max_concurrency or _MAX_THREADS
        arns = [child_arns(self.given.map_run_record.map_run_arn) for _ in inputs]
        self.children = [
            Child(*arn, given, count, datetime.now(UTC)) for arn, (given, count) in zip(arns, inputs, strict=True)
        ]
        with ThreadPoolExecutor(min(concurrency, _MAX_THREADS)) as pool:
            list(pool.map(self._run_child, range(len(self.children)), itertools.repeat(total)))
        if self._has_failed(total):
            cause = "The specified tolerated failure threshold was exceeded"
            raise self._failure("States.ExceedToleratedFailureThreshold", cause)

    def _run_child(self, index: int, total: int) -> None:
        child = self.children[index]
        if self._has_failed(total) or not self.env.is_running():
            child.status = "PENDING"
            return
        frame = self._frame(index, child.given)
        frame.event_manager = self.env.event_manager.of_child()
        frame.states.reset(child.given)
        frame.stack.append(child.given)
        child.start = datetime.now(UTC)
        self._count(child, "running", 1)
        self.program.eval(frame)
        self.env.delete_frame(frame)
        self._end_child(child, frame)

    def _end_child(self, child: Child, frame: Environment) -> None:
        child.stop = datetime.now(UTC)
        state = frame.program_state()
        if isinstance(state, ProgramEnded):
            child.status, child.output = "SUCCEEDED", frame.states.get_input()
            self._count(child, "results_written", 1)
        elif isinstance(state, ProgramError):
            child.status = "FAILED"
            child.error, child.cause = state.error.get("error"), state.error.get("cause")
        else:
            child.status = "TIMED_OUT" if isinstance(state, ProgramTimedOut) else "ABORTED"
        self._count(child, "running", -1)
        self._count(child, _FAILURES.get(child.status, "succeeded"), 1)
        self._count(child, "total", 1)

    def _count(self, child: Child, name: str, change: int) -> None:
        record = self.given.map_run_record
        getattr(record.item_counter, name).offset(change * child.items)
        getattr(record.execution_counter, name).offset(change)

    def _has_failed(self, total: int) -> bool:
        """False while no more items have failed than the state tolerates."""
        failed = sum(child.items for child in self.children if child.status in ("FAILED", "TIMED_OUT"))
        if not failed:
            return False
        count, percentage = self.given.tolerated_failure_count, self.given.tolerated_failure_percentage
        exceeds_count = failed > count and (self.fields.has_count or not self.fields.has_percentage)
        exceeds_percentage = failed * 100 > percentage * total and self.fields.has_percentage
        return bool(exceeds_count or exceeds_percentage)

    def _report(self) -> Any:
        writer = self.fields.writer
        if writer is None:
            return transform(self.children, "COMPACT")
        options = writer.evaluate(self.env)
        if "Target" not in options:
            return transform(self.children, options.get("WriterConfig", {}).get("Transformation", "COMPACT"))
        arn = self.given.map_run_record.map_run_arn
        try:
            return write_results(self._client(writer.resource), options, arn, self.children)
        except ClientError as error:
            raise self._failure("States.ResultWriterFailed", str(error)) from error
