"""Container side: installs what requirements.txt lists into a Python environment of its own, with the container's pip.

The new environment also has this environment's libraries, so pip installs only what they lack and changes none of them.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

_LIBRARIES = "libraries.pth"


def main(code: Path, target: Path, *wanted: str) -> int:
    """Make the environment and install; return pip's exit code.

    Parameters
    ----------
    code
        The folder of requirements.txt. Relative paths in the file are relative to it.
    target
        The folder for the environment.
    wanted
        What to install besides, such as ``.`` for the package in the code folder.
    """
    python = _make_environment(target)
    listed = ["-r", "requirements.txt"] if (code / "requirements.txt").is_file() else []
    # A search for conflicts among this environment's libraries would take seconds.
    options = ["--disable-pip-version-check", "--no-cache-dir", "--no-input", "--no-warn-conflicts"]
    command = [str(python), "-m", "pip", "install", *options]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([*command, *wanted, *listed], cwd=code, env=environment, check=False).returncode


def _make_environment(target: Path) -> Path:
    """Make a virtual environment that has the libraries of PYTHONPATH after its own; return its interpreter."""
    venv.create(target, symlinks=True, clear=True)
    packages = next(target.glob("lib/python*/site-packages"))
    (packages / _LIBRARIES).write_text(os.environ["PYTHONPATH"].replace(os.pathsep, "\n") + "\n")
    return target / "bin" / "python"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]))
