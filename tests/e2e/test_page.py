"""The page of builds, as `sagebuild ui` serves it, in a real browser on the deployed service."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import WAIT, opened
from tests.e2e.stack import DeployedStack
from tests.engine import ROOT
from tools.browser import running_browser

METRICS = [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}]


@contextmanager
def running_page(stack: DeployedStack, *options: str) -> Iterator[str]:
    """The command in a process of its own; the address that it prints."""
    command = [sys.executable, "-m", "sagebuild", "ui", *options]
    environment = stack.engine.environment
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+/\S+/", process.stdout.readline())
            assert found
            yield found.group()
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(deployed: DeployedStack) -> Iterator[str]:
    with running_page(deployed) as address:
        yield address


def press(page: Page, button: str, effect: str, comment: str = "") -> None:
    """Press a button of the page, read what it would do, and press the same button of the dialog."""
    page.get_by_role("button", name=button, exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(effect, timeout=WAIT)
    if comment:
        dialog.get_by_role("textbox").fill(comment)
    dialog.locator("button[type=submit]").click()


@pytest.mark.usefixtures("serving")
def test_a_build_is_started_watched_approved_and_rolled_back(
    stack: DeployedStack, address: str, browser: Browser
) -> None:
    stack.set_parameters(approval="manual", metrics=METRICS)
    number, before = stack.last_number() + 1, stack.live_config()
    with opened(browser, address) as page:
        page.get_by_role("button", name="Start a build").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text(f"Build {number} would start now.", timeout=WAIT)
        assert stack.last_number() == number - 1, "a plan starts nothing"
        dialog.get_by_role("button", name="Start a build").click()
        dialog.get_by_role("link", name=f"Show build {number}").click()
        expect(page.locator("#flow")).to_contain_text("Train Model")
        expect(page.get_by_role("button", name="Approve", exact=True)).to_be_visible(timeout=WAIT)
        press(page, "Approve", f"Build {number} waits for approval; its accuracy is", "checked by hand")
        expect(dialog).to_contain_text("approved", timeout=WAIT)
        page.keyboard.press("Escape")
        expect(page.locator("#summary .badge")).to_have_text("succeeded", timeout=WAIT)
        expect(page.locator("#summary .live")).to_be_visible(timeout=WAIT)
        expect(page.locator("#curves .js-plotly-plot")).to_be_visible(timeout=WAIT)
        expect(page.locator("#notification")).to_contain_text(f"build {number} succeeded", timeout=WAIT)
        expect(page.locator("#notification")).to_contain_text("checked by hand")
        page.get_by_role("searchbox", name="Search").fill("accuracy=")
        expect(page.locator("#logs .line").first).to_contain_text("accuracy=", timeout=WAIT)
        assert stack.record(number)["trigger"]["kind"] == "page"

        page.get_by_role("link", name="Endpoint", exact=True).click()
        page.get_by_label("Body").fill("\n".join([",".join(["0"] * 64)] * 2))
        page.get_by_role("button", name="Send").click()
        expect(page.locator("#answer pre")).to_have_text(re.compile(r"\d"), timeout=WAIT)
        page.locator("select[name=hours]").select_option("1 hour")
        expect(page.locator("#traffic .js-plotly-plot")).to_contain_text("latency in ms", timeout=WAIT)
        press(page, "Roll back", f"{number - 1}")
        dialog.get_by_role("link", name=f"Show build {number + 1}").click()
        expect(page.locator("#summary .badge")).to_have_text("succeeded", timeout=WAIT)
    assert stack.live_config() == before


def test_a_build_is_stopped_and_another_one_rejected(stack: DeployedStack, address: str, browser: Browser) -> None:
    stack.set_parameters(hyperparameters={"trouble": "endless"})
    number = stack.start_by_voice()
    stack.wait_for_training(number)
    with opened(browser, f"{address}default/builds/{number}") as page:
        press(page, "Stop", f"Build {number} would stop.")
        expect(page.get_by_role("dialog")).to_contain_text(f"Build {number}", timeout=WAIT)
        page.keyboard.press("Escape")
        expect(page.locator("#summary .badge")).to_have_text("stopped", timeout=WAIT)
    stack.finish(number)

    stack.set_parameters(approval="manual")
    number = stack.start_by_voice()
    with opened(browser, f"{address}default/builds/{number}") as page:
        expect(page.get_by_role("button", name="Reject", exact=True)).to_be_visible(timeout=WAIT)
        press(page, "Reject", f"Build {number} would end without deploying its model.", "too slow")
        page.keyboard.press("Escape")
        expect(page.locator("#summary .badge")).to_have_text("withheld", timeout=WAIT)
        expect(page.locator("#notification")).to_contain_text("too slow", timeout=WAIT)
    stack.finish(number)


def test_a_page_that_only_reads_refuses_a_change(deployed: DeployedStack, browser: Browser) -> None:
    with running_page(deployed, "--read-only") as address, opened(browser, address) as page:
        expect(page.locator("header")).to_contain_text("read-only")
        assert page.get_by_role("button", name="Start a build").count() == 0
        number = deployed.last_number()
        page.evaluate("plan('start', null, {}, [])")
        expect(page.get_by_role("alert")).to_contain_text("only reads", timeout=WAIT)
        assert deployed.last_number() == number
