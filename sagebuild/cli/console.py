"""The standard output of the command line: a terminal that is redrawn, or a pipe with plain lines."""

from __future__ import annotations

import codecs
import os
import sys
from typing import TextIO

from rich.console import Console

_PIPE_WIDTH = 200  # columns of a table in a pipe
# Each character that the output's encoding lacks, and another one of the same width.
_REPLACEMENTS = {
    "●": "*",
    "◐": ">",
    "✗": "x",
    "■": "#",
    "○": "o",
    "★": "*",
    "│": "|",
    "…": "~",
    **dict(zip("▁▂▃▄▅▆▇█", "_.-~=+*#", strict=True)),
}
_ERRORS = "sagebuild.replace"  # the name of the codecs error handler


def make_console(file: TextIO | None = None, *, soft_wrap: bool = False) -> Console:
    """Make a console for an output; by default the standard output.

    In a terminal, rich prints colours unless NO_COLOR is set. In a pipe it prints none, and tables are wide.

    Parameters
    ----------
    soft_wrap
        Never break a line; a terminal then breaks it by itself.
    """
    output = file or sys.stdout
    adapt_encoding(output)
    return Console(file=file, highlight=False, soft_wrap=soft_wrap, width=None if output.isatty() else _PIPE_WIDTH)


def can_redraw(file: TextIO | None = None) -> bool:
    """Return False in a pipe, even if FORCE_COLOR is set, and in a terminal that cannot move its cursor."""
    return (file or sys.stdout).isatty() and os.environ.get("TERM", "").lower() not in {"dumb", "unknown"}


def adapt_encoding(output: TextIO) -> None:
    """Let an output replace the characters that its encoding lacks, such as that of a Windows code page."""
    encoding = (getattr(output, "encoding", None) or "utf-8").lower()
    if not encoding.startswith("utf") and hasattr(output, "reconfigure"):
        output.reconfigure(errors=_ERRORS)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_REPLACEMENTS.get(character, "?") for character in text), error.end


codecs.register_error(_ERRORS, _replace)
