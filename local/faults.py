"""Injects faults: calls that fail, hang or kill the calling function, and events that are lost, repeated or late.

To deployed services they look like AWS's own failures.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from flask import request

from local import calls, config
from local.calls import Call
from local.errors import RefusedError

_EFFECTS = {"call": ("error", "hang", "crash"), "event": ("lose", "repeat", "delay")}


class FaultError(ValueError):
    """The description of a fault is invalid."""


@dataclass
class Fault:
    """One fault: of the calls or of the events that match.

    Parameters
    ----------
    call, by
        Patterns of the action, such as ``sagemaker:Create*``, and of the caller: a role's name, or "owner".
    error, message, status
        The error code, message and HTTP status of the answer.
    served
        Serve the call, and replace only its answer by the error.
    hang
        Delay the call by this many seconds of real time.
    crash
        Kill the Lambda function that makes the call, instead of serving it.
    event, detail
        A pattern of the event's detail type, such as ``Step Functions*``, and values that its detail must have.
    lose, repeat, delay
        Drop the event; deliver it this many more times; deliver it this many scaled seconds late.
    skip, times
        How many matches pass before the fault strikes, and how often it strikes; 0 is unlimited.
    """

    call: str = ""
    by: str = "*"
    error: str = ""
    message: str = "An injected fault."
    status: int = 400
    served: bool = False
    hang: float = 0.0
    crash: bool = False
    event: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    lose: bool = False
    repeat: int = 0
    delay: float = 0.0
    skip: int = 0
    times: int = 0
    struck: int = 0

    def __post_init__(self) -> None:
        if bool(self.call) == bool(self.event):
            raise FaultError("a fault needs a pattern for either call or event")
        effects = _EFFECTS["call" if self.call else "event"]
        if sum(bool(getattr(self, name)) for names in _EFFECTS.values() for name in names) != 1 or not any(
            getattr(self, name) for name in effects
        ):
            raise FaultError(f"a fault of {'a call' if self.call else 'an event'} needs one of {', '.join(effects)}")

    def strikes(self) -> bool:
        """Count a match; False when it passes because of `skip` or `times`."""
        if self.skip:
            self.skip -= 1
            return False
        if self.times and self.struck >= self.times:
            return False
        self.struck += 1
        return True


_lock = threading.Lock()
_faults: list[Fault] = []


def install() -> None:
    """Apply the faults of calls from now on; `deliveries` applies those of events."""
    calls.add_check(_strike)
    calls.add_answer_check(_replace_answer)


def replace(described: Any) -> None:
    """Replace all faults.

    Parameters
    ----------
    described
        A list of objects with the fields of `Fault`.

    Raises
    ------
    FaultError
        When one of them is invalid; the faults do not change.
    """
    known = {each.name for each in fields(Fault)} - {"struck"}
    if not isinstance(described, list) or not all(isinstance(each, dict) for each in described):
        raise FaultError("faults must be a list of objects")
    for unknown in (name for each in described for name in each if name not in known):
        raise FaultError(f"unknown field {unknown!r}; a fault has {', '.join(sorted(known))}")
    made = [Fault(**each) for each in described]
    with _lock:
        _faults[:] = made


def read(file: Path) -> None:
    """Replace all faults by those of a JSON file.

    Raises
    ------
    FaultError
        When the file is unreadable or invalid.
    """
    try:
        replace(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise FaultError(f"{file}: {error}") from error


def described() -> list[dict[str, Any]]:
    """All faults, with the number of times that each has struck."""
    with _lock:
        return [asdict(fault) for fault in _faults]


def deliveries(detail_type: str, detail: dict[str, Any]) -> Iterator[float]:
    """The delay in real seconds of each delivery of an event."""
    fault = _find(
        lambda each: fnmatchcase(detail_type, each.event) and each.detail.items() <= detail.items(), kind="event"
    )
    if fault is None:
        yield 0.0
    elif not fault.lose:
        yield from [config.scale_seconds(fault.delay)] * (1 + fault.repeat)


def _strike(call: Call) -> None:
    fault = _find(lambda each: not each.served and _matches(each, call), kind="call")
    if fault is None:
        return
    if fault.crash:
        _kill_caller()
    time.sleep(fault.hang)
    if fault.error:
        raise RefusedError(fault.error, fault.message, fault.status)


def _replace_answer(call: Call) -> None:
    fault = _find(lambda each: each.served and _matches(each, call), kind="call")
    if fault:
        raise RefusedError(fault.error, fault.message, fault.status)


def _kill_caller() -> None:
    from local.functions.backend import pool

    # botocore sends the trace id that Lambda gives each invocation.
    if not pool.kill(request.headers.get("X-Amzn-Trace-Id", "")):
        raise RefusedError("NotImplemented", "A crash fault matches this call, but no function makes it.", 501)
    raise RefusedError("ServiceUnavailable", "The caller was killed.", 503)


def _matches(fault: Fault, call: Call) -> bool:
    return fnmatchcase(call.action, fault.call) and fnmatchcase(call.caller.name, fault.by)


def _find(matches: Callable[[Fault], bool], *, kind: Literal["call", "event"]) -> Fault | None:
    with _lock:
        return next((each for each in _faults if getattr(each, kind) and matches(each) and each.strikes()), None)
