"""Faults that a person asks for: calls that fail, hang or kill the function that makes them, events that get lost.

Nothing that is deployed here can tell them from AWS's own.
"""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from flask import request

from local import calls, config
from local.calls import Call
from local.refusals import RefusedError

_EFFECTS = {"call": ("error", "hang", "crash"), "event": ("lose", "repeat", "delay")}


class FaultError(ValueError):
    """A fault that is not described as one can be."""


@dataclass
class Fault:
    """One fault: either of the calls, or of the events, that fit.

    Parameters
    ----------
    call, by
        Patterns of an action such as ``sagemaker:Create*`` and of the caller's name: its role's, or "owner".
    error, message, status
        Answer this error code, with this text and HTTP status.
    served
        Serve the call first, and lose only its answer.
    hang
        Serve the call after so many seconds, of real time.
    crash
        Kill the Lambda function that makes the call, before it is served.
    event, detail
        A pattern of an event's detail type, such as ``Step Functions*``, and values that its detail must have.
    lose, repeat, delay
        Do not deliver the event; deliver it so many times more; deliver it so many seconds late, by the engine's clock.
    skip, times
        How many that fit are let go before the fault strikes, and how often it strikes; 0 is for ever.
    """

    call: str = ""
    by: str = "*"
    error: str = ""
    message: str = "A fault that was asked for."
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
            raise FaultError("a fault is of a call or of an event: give one of the two a pattern")
        effects = _EFFECTS["call" if self.call else "event"]
        if sum(bool(getattr(self, name)) for names in _EFFECTS.values() for name in names) != 1 or not any(
            getattr(self, name) for name in effects
        ):
            raise FaultError(f"a fault of {'a call' if self.call else 'an event'} has one of {', '.join(effects)}")

    def strikes(self) -> bool:
        """Count one that fits, and say whether the fault strikes it."""
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
    """Have the faults strike every call from now on; events ask for theirs."""
    calls.before(_strike)
    calls.on_answer(_lose_answer)


def replace(described: Any) -> None:
    """Let these faults be the only ones.

    Parameters
    ----------
    described
        A list of objects with the names of `Fault`.

    Raises
    ------
    FaultError
        One of them is wrong; all is as it was.
    """
    known = {each.name for each in fields(Fault)} - {"struck"}
    if not isinstance(described, list) or not all(isinstance(each, dict) for each in described):
        raise FaultError("faults are a list of objects")
    for unknown in (name for each in described for name in each if name not in known):
        raise FaultError(f"{unknown!r} is nothing that a fault has: {', '.join(sorted(known))}")
    made = [Fault(**each) for each in described]
    with _lock:
        _faults[:] = made


def read(file: Path) -> None:
    """Take the faults of a JSON file.

    Raises
    ------
    FaultError
        It cannot be read, or describes none.
    """
    try:
        replace(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise FaultError(f"{file}: {error}") from error


def described() -> list[dict[str, Any]]:
    """All faults, with how often each has struck."""
    with _lock:
        return [asdict(fault) for fault in _faults]


def deliveries(detail_type: str, detail: dict[str, Any]) -> Iterator[float]:
    """After how many seconds an event is to be delivered, once for each time that it is."""
    fault = _find(
        lambda each: fnmatchcase(detail_type, each.event) and each.detail.items() <= detail.items(), of_events=True
    )
    if fault is None:
        yield 0.0
    elif not fault.lose:
        yield from [fault.delay / config.current().time_scale] * (1 + fault.repeat)


def _strike(call: Call) -> None:
    fault = _find(lambda each: not each.served and _fits(each, call))
    if fault is None:
        return
    if fault.crash:
        _crash()
    time.sleep(fault.hang)
    if fault.error:
        raise RefusedError(fault.error, fault.message, fault.status)


def _lose_answer(call: Call) -> None:
    fault = _find(lambda each: each.served and _fits(each, call))
    if fault:
        raise RefusedError(fault.error, fault.message, fault.status)


def _crash() -> None:
    from local.functions.backend import pool

    # botocore hands on the id that Lambda gives each invocation.
    if not pool.kill(request.headers.get("X-Amzn-Trace-Id", "")):
        raise RefusedError("NotImplemented", "A fault is to kill the function that makes this call; none made it.", 501)
    raise RefusedError("ServiceUnavailable", "Nobody hears this: the caller was killed.", 503)


def _fits(fault: Fault, call: Call) -> bool:
    return fnmatchcase(call.action, fault.call) and fnmatchcase(call.caller.name, fault.by)


def _find(fits: Any, of_events: bool = False) -> Fault | None:
    with _lock:
        return next((each for each in _faults if bool(each.event) == of_events and fits(each) and each.strikes()), None)
