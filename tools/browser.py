"""Finds a Chromium for pictures and tests: the system's, or the one that npm's @sparticuz/chromium contains."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# It unpacks itself into the folder for temporary files: https://github.com/Sparticuz/chromium
_UNPACK = "import chromium from '@sparticuz/chromium'; console.log(await chromium.executablePath())"
# Without a sandbox it also runs as root in a container, where it shows the project's own pages alone.
FLAGS = (
    "--no-sandbox",
    "--no-zygote",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
)


@cache
def find_browser() -> str:
    """Return the path of Chromium; `make setup` has installed npm's.

    Raises
    ------
    subprocess.CalledProcessError
        npm's Chromium cannot be unpacked, or is not installed.
    """
    if found := next((path for name in _NAMES if (path := shutil.which(name))), None):
        return found
    command = ["node", "--input-type=module", "--eval", _UNPACK]
    root = Path(__file__).parents[1]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip()
