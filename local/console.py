"""Prints lines for the user who started the engine."""

import sys
from contextlib import suppress
from typing import TextIO


def print_line(text: str, to: TextIO | None = None) -> None:
    """Print a line, by default on standard error; a closed pipe or a full disk must not end what the engine does."""
    with suppress(OSError, ValueError):  # ValueError: the stream is closed
        print(text, file=to or sys.stderr, flush=True)
