"""Looks at processes that other programs have started."""

import time
from pathlib import Path


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def await_end(pids: list[int], seconds: float) -> list[int]:
    """The processes that are still alive after this time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and any(map(is_alive, pids)):
        time.sleep(0.02)
    return [pid for pid in pids if is_alive(pid)]
