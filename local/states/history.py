"""The history of an execution: its events, and where they place a failure."""

from collections.abc import Mapping
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager

_LAST_EVENTS = (
    HistoryEventType.ExecutionSucceeded,
    HistoryEventType.ExecutionFailed,
    HistoryEventType.ExecutionAborted,
    HistoryEventType.ExecutionTimedOut,
)
_ABORTABLE_STATES = ("Task", "Wait", "Parallel", "Map")


class History(EventManager):  # type: ignore[misc]
    """The history of an execution; it ignores events of threads that run on after an end."""

    def __init__(self, locations: Mapping[tuple[str, str], str]) -> None:
        super().__init__()
        self.environment: Environment | None = None
        self._locations = locations
        self._ended = False
        self._closed: list[Any] = []

    def of_child(self) -> "History":
        """The history of a child execution of a Map Run."""
        return History(self._locations)

    def locate(self, state_name: str, expression: str) -> str:
        """The field of a state that contains a JSONata expression."""
        return self._locations.get((state_name, expression), "")

    def find_entered(self, state_name: str | None, event_id: int) -> int:
        """The number of the event that entered a state, looking back from an event; that event if there is none."""
        number = event_id
        while number > 0:
            event = self._history_event_list[number - 1]
            if event.get("stateEnteredEventDetails", {}).get("name") == state_name:
                return number
            number = event["previousEventId"]
        return event_id

    def add_event(self, context: Any, event_type: Any, *args: Any, **kwargs: Any) -> int:
        """Record an event."""
        closed = any(context is known for known in self._closed)
        if self._ended or closed or self._is_repeated(context, event_type) or self._is_early(event_type):
            return int(context.last_published_event_id)
        self._ended = event_type in _LAST_EVENTS
        return int(super().add_event(context, event_type, *args, **kwargs))

    def abort(self, environment: Environment, state_type: str) -> None:
        """Record that a branch is abandoned in a state, and ignore its later events."""
        context, frames = environment.event_history_context, [environment]
        while frames:
            frame = frames.pop()
            context = max(context, frame.event_history_context, key=lambda known: known.last_published_event_id)
            frames += frame._frames
            self._closed.append(frame.event_history_context)
        if state_type in _ABORTABLE_STATES:
            super().add_event(context, HistoryEventType(f"{state_type}StateAborted"))

    def _is_early(self, event_type: Any) -> bool:
        # moto records some failures of a state as the execution's before it has looked for a Catch.
        is_running = self.environment is not None and self.environment.is_running()
        return is_running and event_type == HistoryEventType.ExecutionFailed

    def _is_repeated(self, context: Any, event_type: Any) -> bool:
        # moto records a failed evaluation again at the end of the state.
        last = context.last_published_event_id
        if event_type != HistoryEventType.EvaluationFailed or last == 0:
            return False
        return bool(self._history_event_list[last - 1]["type"] == event_type)
