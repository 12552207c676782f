"""Translates paths below /opt/ml, and writes the commands for Python that processing jobs find first."""

import re
import shlex
from pathlib import Path
from typing import Any

from local import processes
from sagebuild.container import opt_ml

_PATH = re.compile(r"(?<![\w./-])/opt/ml(?![\w.-])")
_PYTHON = Path(__file__).with_name("container_python.py")
BIN = "bin"


def translate(value: Any, base: Path) -> Any:
    """Replace /opt/ml by the folder that represents it, in every text of a JSON value."""
    if isinstance(value, str):
        return _PATH.sub(lambda _: str(base), value)
    if isinstance(value, list):
        return [translate(item, base) for item in value]
    if isinstance(value, dict):
        return {key: translate(item, base) for key, item in value.items()}
    return value


def translate_scripts(folder: Path, base: Path) -> None:
    """Replace /opt/ml in the shell scripts of a folder, such as those of the SageMaker SDK's FrameworkProcessor."""
    for path in folder.rglob("*.sh"):
        path.write_text(translate(path.read_text(errors="surrogateescape"), base), errors="surrogateescape")


def write_python(base: Path) -> None:
    """Write the commands ``python`` and ``python3``, which have this environment's libraries.

    Where programs do not get /opt/ml, they translate the paths in the scripts that they run.
    """
    folder = base / BIN
    folder.mkdir(exist_ok=True)
    command = shlex.join([processes.PYTHON, *(["-P", str(_PYTHON)] if opt_ml.explain_absence() else [])])
    libraries = shlex.quote(processes.LIBRARIES)
    script = (
        "#!/bin/sh\n"
        f'export PYTHONPATH="${{PYTHONPATH:+$PYTHONPATH:}}{shlex.quote(str(base / "packages"))}":{libraries}\n'
        f'exec {command} "$@"\n'
    )
    for name in ("python", "python3"):
        path = folder / name
        path.write_text(script)
        path.chmod(0o755)
