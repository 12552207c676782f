"""Wait states and retry delays, in scaled time."""

import re
import time
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state.wait.state_wait import StateWait
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.eval.environment import Environment

from local import config
from local.states.errors import failure, query_failure

# The maximum delay before a waiting thread notices a stop.
_POLL_SECONDS = 0.2
_MAX_SECONDS = 2**31 - 1
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")


def install() -> None:
    """Replace moto's reading of timestamps by this one."""
    Timestamp._from_timestamp_string = staticmethod(read_timestamp)


def read_timestamp(text: Any) -> datetime | None:
    """The moment of a timestamp in RFC 3339, without its fraction of a second; None for any other value."""
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).replace(microsecond=0)
    except ValueError:
        return None


def pause(env: Environment, seconds: float) -> None:
    """Wait for scaled seconds, or until the execution ends."""
    end = time.monotonic() + config.scale_seconds(seconds)
    while env.is_running() and (left := end - time.monotonic()) > 0:
        env.program_state_event.wait(min(left, _POLL_SECONDS))


class Wait(StateWait):  # type: ignore[misc]
    """Waits in scaled time."""

    def _eval_state(self, env: Environment) -> None:
        seconds = self._read_seconds(env)
        if seconds > _MAX_SECONDS:
            raise failure(env, "States.Runtime", "Wait state delay is too long.")
        pause(env, seconds)
        if self.assign_decl:
            self.assign_decl.eval(env)

    def _read_seconds(self, env: Environment) -> float:
        if not isinstance(self.wait_function, Timestamp):
            return float(self.wait_function._get_wait_seconds(env))
        self.wait_function.string.eval(env)
        text = env.stack.pop()
        moment = read_timestamp(text)
        if moment is None:
            raise self._timestamp_failure(env, text)
        return (moment - datetime.now(UTC)).total_seconds()

    def _timestamp_failure(self, env: Environment, text: Any) -> FailureEventException:
        if isinstance(self.wait_function.string, StringJSONata):
            kind = "an ISO-8601 extended offset date-time format string"
            return query_failure(env, f"The Timestamp field cannot be parsed as {kind}: {text}", "Timestamp")
        return FailureEventException(self.wait_function._create_failure_event(env, text))


class Retrier(RetrierDecl):  # type: ignore[misc]
    """Waits in scaled time before the next attempt."""

    jitter_strategy: EvalComponent

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.jitter_strategy = _Delay(self.jitter_strategy)


class _Delay(EvalComponent):  # type: ignore[misc]
    """The last step of the computation of a delay: it waits, and returns 0 seconds for moto to sleep."""

    def __init__(self, jitter: EvalComponent) -> None:
        self._jitter = jitter

    def _eval_body(self, env: Environment) -> None:
        self._jitter.eval(env)
        pause(env, env.stack.pop())
        env.stack.append(0)
