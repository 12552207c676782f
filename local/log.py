"""Prints one line per AWS call: time, caller, action, resource, status, error code and duration."""

import sys
import time

from local import calls
from local.audit import resources
from local.calls import Call
from local.console import print_line


def install() -> None:
    """Print every call from now on."""
    calls.add_report(_print)


def _print(call: Call, status: int, code: str) -> None:
    now = time.time()
    clock = f"{time.strftime('%H:%M:%S', time.localtime(now))}.{int(now % 1 * 1000):03d}"
    resource = next(resources.of(call), None) or "?"
    milliseconds = (time.monotonic() - call.started) * 1000
    line = f"{clock}  {call.caller.name:<28} {call.action:<36} {resource}  {status} {code}".rstrip()
    print_line(f"{line}  {milliseconds:.0f} ms", sys.stdout)
