"""Runs a command of `sagebuild` through its real entry point, without the half second that a process takes to start."""

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

import pytest

from sagebuild.__main__ import main

Ended = subprocess.CompletedProcess[str]


def run_command(*arguments: str, environment: Mapping[str, str], question: str = "") -> Ended:
    """``sagebuild ...`` in a pipe, with only these environment variables."""
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch.object(sys, "argv", ["sagebuild", *arguments]),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(question.encode()))),
        redirect_stdout(io.StringIO()) as out,
        redirect_stderr(io.StringIO()) as err,
        pytest.raises(SystemExit) as ended,
    ):
        main()
    assert isinstance(ended.value.code, int)
    return Ended(arguments, ended.value.code, out.getvalue(), err.getvalue())
