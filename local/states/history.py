"""The history of an execution: its events, and where they place a failure."""

import threading
from collections.abc import Mapping
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager

from local.database import Packed

_LAST_EVENTS = (
    HistoryEventType.ExecutionSucceeded,
    HistoryEventType.ExecutionFailed,
    HistoryEventType.ExecutionAborted,
    HistoryEventType.ExecutionTimedOut,
)
_ABORTABLE_STATES = ("Task", "Wait", "Parallel", "Map")


class History(EventManager):  # type: ignore[misc]
    """The history of an execution; after the end it is packed, and ignores events of threads that run on."""

    def __init__(self, locations: Mapping[tuple[str, str], str]) -> None:
        super().__init__()
        self.environment: Environment | None = None
        self._locations = locations
        self._packed: Packed | None = None  # the events of an ended execution
        self._closed: list[Any] = []
        self._adding = threading.RLock()

    def of_child(self) -> "History":
        """The history of a child execution of a Map Run."""
        return History(self._locations)

    def locate(self, state_name: str, expression: str) -> str:
        """The field of a state that contains a JSONata expression."""
        return self._locations.get((state_name, expression), "")

    def find_entered(self, state_name: str | None, event_id: int) -> int:
        """The number of the event that entered a state, looking back from an event; that event if none is found."""
        number = event_id
        with self._adding:
            while number > 0 and not self._packed:
                event = self._history_event_list[number - 1]
                if event.get("stateEnteredEventDetails", {}).get("name") == state_name:
                    return number
                number = event["previousEventId"]
        return event_id

    def add_event(self, context: Any, event_type: Any, *args: Any, **kwargs: Any) -> int:
        """Record an event."""
        with self._adding:
            closed = any(context is known for known in self._closed)
            if self._packed or closed or self._is_repeated(context, event_type) or self._is_early(event_type):
                return int(context.last_published_event_id)
            number = int(super().add_event(context, event_type, *args, **kwargs))
            if event_type in _LAST_EVENTS:
                self._pack()
            return number

    def get_event_history(self) -> list[dict[str, Any]]:
        """A copy of the events."""
        with self._adding:
            packed = self._packed
            events = packed.read() if packed else super().get_event_history()
        return list(events)

    def _pack(self) -> None:
        """Keep the events outside the memory, and forget the environment, which holds the variables."""
        self._packed = Packed(self._history_event_list)
        self._history_event_list.clear()
        self._closed.clear()
        self.environment = None

    def abort(self, environment: Environment, state_type: str) -> None:
        """Record that a branch is abandoned in a state, and ignore its later events."""
        context, frames = environment.event_history_context, [environment]
        while frames:
            frame = frames.pop()
            context = max(context, frame.event_history_context, key=lambda known: known.last_published_event_id)
            frames += frame._frames
            self._closed.append(frame.event_history_context)
        with self._adding:
            if state_type in _ABORTABLE_STATES and not self._packed:
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
