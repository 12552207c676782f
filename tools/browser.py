"""Runs a headless Chromium for pictures and tests: the system's, or the one that npm's @sparticuz/chromium contains."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes.util import find_library
from functools import cache
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

_ROOT = Path(__file__).parents[1]
# Commands, and the place of Chrome on macOS.
_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
# It unpacks itself into the folder for temporary files, and on AWS Lambda also the libraries that are missing there:
# https://github.com/Sparticuz/chromium
_UNPACK = "import chromium from '@sparticuz/chromium'; console.log(await chromium.executablePath())"
_LAMBDA = {"AWS_EXECUTION_ENV": "AWS_Lambda_nodejs22.x"}
_LIBRARIES = Path(tempfile.gettempdir(), "al2023", "lib")
# Without a sandbox it also runs as root in a container, where it shows the project's own pages alone.
_FLAGS = (
    "--no-sandbox",
    "--no-zygote",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
)


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Run Chromium until the block ends; `make setup` has installed npm's."""
    environment: dict[str, str | float | bool] = {**os.environ}
    if not _has_libraries():
        environment["LD_LIBRARY_PATH"] = str(_LIBRARIES)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_find_browser(), args=[*_FLAGS], env=environment)
        try:
            yield browser
        finally:
            browser.close()


@cache
def _find_browser() -> str:
    """Return the path of Chromium.

    Raises
    ------
    RuntimeError
        There is none, and npm's does not run on this system.
    """
    if found := next((path for name in _NAMES if (path := shutil.which(name))), None):
        return found
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise RuntimeError(
            "There is no Chromium or Google Chrome on this machine, and npm's @sparticuz/chromium is for Linux on "
            f"x86_64, not for {platform.system()} on {platform.machine()}; install Google Chrome."
        )
    command = ["node", "--input-type=module", "--eval", _UNPACK]
    environment = os.environ | ({} if _has_libraries() else _LAMBDA)
    with (_ROOT / "package.json").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # it takes a file that another process still unpacks for a whole one
        ended = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=True)
    return ended.stdout.strip()


def _has_libraries() -> bool:
    """Whether the system has the libraries that Chromium needs and that not every system has."""
    return find_library("nss3") is not None
