"""A headless Chromium for tests: the system's, or the one that npm's @sparticuz/chromium contains."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.engine import ROOT

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# It unpacks itself into the folder for temporary files, with the libraries that AWS Lambda lacks if it is asked to:
# https://github.com/Sparticuz/chromium
_UNPACK = "import chromium from '@sparticuz/chromium'; console.log(await chromium.executablePath())"
WAIT = 60_000  # milliseconds, of a busy machine
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-zygote",
    "--disable-background-networking",
    "--disable-component-update",
]


@cache
def find_browser() -> str:
    """The path of Chromium."""
    if found := next((path for name in _NAMES if (path := shutil.which(name))), None):
        return found
    command = ["node", "--input-type=module", "--eval", _UNPACK]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A browser that is closed with the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=_FLAGS, env=dict(os.environ))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, url: str, width: int = 1280) -> Iterator[Page]:
    """A window with a page whose sections are filled. It may load nothing from elsewhere, and no script may fail."""
    faults: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.set_default_timeout(WAIT)
    host = re.match(r"http://[^/]+/", url)
    assert host
    own = (host.group(), "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else faults.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(url)
    expect(page.locator("[data-src]:visible").filter(has_text="Loading ...")).to_have_count(0, timeout=WAIT)
    yield page
    page.close()
    assert faults == []
