"""Looks at processes that other programs have started."""

import time
from pathlib import Path

_MOST_SECONDS = 30.0


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def await_end(pids: list[int]) -> list[int]:
    """The processes that do not end; those of the tests would end by themselves after a minute."""
    until = time.monotonic() + _MOST_SECONDS
    while time.monotonic() < until and any(map(is_alive, pids)):
        time.sleep(0.02)
    return [pid for pid in pids if is_alive(pid)]
