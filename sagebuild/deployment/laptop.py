"""Starts the AWS for the laptop, which is part of the package, in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sagebuild.child_process import running
from sagebuild.errors import InputError

DEFAULT_PORT = 4577
# Waits pass faster, so that an endpoint is polled every second instead of every half minute.
_TIME_SCALE = 30
_LINES = 3  # of its output, which contain the variables
_NEEDED = ("awslambdaric", "jsonpath_ng", "moto")
_HERE = Path(__file__).parent
# In the wheel the folder `local` is in `laptop`, beside this module; in a clone it is at the top.
_ROOT = next((folder for folder in (_HERE / "laptop", _HERE.parents[1]) if (folder / "local").is_dir()), _HERE)


@contextmanager
def running_laptop(port: int) -> Iterator[Mapping[str, str]]:
    """Run the AWS until the block ends; its state and its data are lost then. It denies what IAM denies.

    Yields
    ------
    Mapping
        The environment variables that lead AWS's tools to it.

    Raises
    ------
    InputError
        A package is missing, or the port is in use.
    """
    if missing := [name for name in _NEEDED if not importlib.util.find_spec(name)]:
        raise InputError(f"The AWS for the laptop needs {missing[0]}; run: pip install 'sagebuild[local]'.")
    with tempfile.TemporaryDirectory(prefix="sagebuild-") as folder:
        paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        options = ["--port", str(port), "--data", folder, "--time-scale", str(_TIME_SCALE), "--enforce-iam"]
        command = [sys.executable, "-m", "local", *options]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        with running(command, temporary_folder=folder, cwd=folder, env=environment, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            printed = "".join(process.stdout.readline() for _ in range(_LINES))
            variables = dict(re.findall(r"(AWS_\w+)=(\S+)", printed))
            if not variables:
                raise InputError("The AWS for the laptop did not start; the lines above say why. See also --port.")
            yield variables
