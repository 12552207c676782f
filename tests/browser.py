"""Windows of a headless Chromium that show the page of builds."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, expect

WAIT = 180_000  # milliseconds, of a busy machine


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
