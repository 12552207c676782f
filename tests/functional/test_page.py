"""The page of builds: who may ask it anything, and what a real browser shows of builds on moto."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPConnection
from typing import Any

import boto3
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from sagebuild.builds.lock import read_state
from sagebuild.client.charts import draw_parallel
from sagebuild.client.stack import Stack as Client
from sagebuild.page.server import create_app
from sagebuild.page.source import Source
from sagebuild.parameters.store import write_document
from sagebuild.service import Service
from sagebuild.view.overview import BuildFilter, find_builds
from tests.browser import opened
from tests.engine import ROOT
from tests.functional.conftest import REGION, SCRIPT, Stack
from tests.functional.records import write_record
from tools.browser import running_browser

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
TOKEN = "a-token"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@contextmanager
def served(stack: Stack, *, read_only: bool = False) -> Iterator[int]:
    """The page of the stack on a free port of loopback."""

    def create_client(name: str) -> Any:
        return boto3.client(name, region_name=REGION)  # type: ignore[call-overload]

    settings = stack.settings | {"IMAGE_LOG_GROUP": f"{stack.service.stack_name}-images"}
    client = Client(Service(settings, create_client), create_client, {})
    source = Source(lambda _name: client, client.name, "default", read_only)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # or the first request comes before the server listens
        port = listening.getsockname()[1]
        config = uvicorn.Config(create_app(source, TOKEN, port), log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield port
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def port(stack: Stack) -> Iterator[int]:
    write_document(stack.service, SCRIPT, overwrite=True)
    for number in range(1, 4):
        write_record(stack, number)
    write_record(stack, 4, status="failed", step="Train Model", reason="The learning rate makes no sense.", metrics={})
    with served(stack) as port:
        yield port


def show(browser: Browser, port: int, path: str = "", width: int = 1280) -> AbstractContextManager[Page]:
    """A window with a view of the page."""
    return opened(browser, f"http://127.0.0.1:{port}/{TOKEN}/{path}", width)


def ask(port: int, method: str, path: str, **headers: str) -> tuple[int, str]:
    """The status and the text of an answer to a request that need not come from a browser."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    body = b"{}" if method == "POST" else None
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, {"Content-Type": "application/json"} | given)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


@pytest.mark.parametrize(
    ("method", "path", "headers", "reason"),
    [
        ("GET", "/", {}, "no valid token"),
        ("GET", "/wrong/default/part/rows", {}, "no valid token"),
        ("GET", f"/{TOKEN}/default/part/rows", {"Host": "evil.example"}, "not for the host 'evil.example'"),
        ("GET", f"/{TOKEN}/default/part/rows", {"Origin": "http://evil.example"}, "comes from another page"),
        ("GET", f"/{TOKEN}/default/part/rows", {"Sec_Fetch_Site": "cross-site"}, "comes from another page"),
        ("POST", f"/{TOKEN}/default/change/plan", {}, "must come from the page"),
        ("POST", f"/{TOKEN}/default/change/plan", {"Origin": "null"}, "comes from another page"),
        ("POST", "/wrong/default/change/plan", {}, "no valid token"),
    ],
)
def test_a_request_from_elsewhere_is_refused(
    port: int, method: str, path: str, headers: dict[str, str], reason: str
) -> None:
    status, text = ask(port, method, path, **headers)
    assert status == 403
    assert reason in text


def test_a_page_that_only_reads_refuses_a_change(stack: Stack) -> None:
    with served(stack, read_only=True) as port:
        origin = f"http://127.0.0.1:{port}"
        status, text = ask(port, "POST", f"/{TOKEN}/default/change/apply", Origin=origin)
        assert (status, "only reads" in text) == (409, True)
        assert "Start a build" not in ask(port, "GET", f"/{TOKEN}/default/builds")[1]


def test_a_page_of_builds_is_one_query_however_many_there_are(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    write_record(stack, 1)
    dynamodb = stack.service.dynamodb
    item = dynamodb.scan(TableName="builds")["Items"][0]
    for first in range(2, 127, 25):
        requests: list[Any] = [
            {"PutRequest": {"Item": item | {"number": {"N": str(first + more)}}}} for more in range(25)
        ]
        dynamodb.batch_write_item(RequestItems={"builds": requests})
    calls: list[tuple[str, int]] = []

    def note_call(model: Any, params: Any, **_: Any) -> None:
        calls.append((model.name, json.loads(params["body"])["Limit"]))

    dynamodb.meta.events.register("before-call.dynamodb", note_call)
    found = find_builds(stack.service, BuildFilter(), 50)
    assert [found.records[place].number for place in (0, -1)] == [126, 77]
    assert find_builds(stack.service, BuildFilter(before=found.older), 50).records[0].number == 76
    assert calls == [("Query", 100)] * 2, "of the key alone, and of 100 records"
    monkeypatch.setattr("sagebuild.view.overview.MOST_SEARCHED", 100)
    assert find_builds(stack.service, BuildFilter(text="no such text")).older == 27, "a search pauses"


def test_the_builds_are_listed_searched_and_followed(stack: Stack, port: int, browser: Browser) -> None:
    with show(browser, port) as page:
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(4)
        expect(rows.nth(1)).to_contain_text("accuracy 0.93")
        page.get_by_label("Search").fill("learning rate")
        expect(rows).to_have_count(1)
        page.get_by_label("Search").fill("")
        expect(rows).to_have_count(4)
        write_record(stack, 5, status="withheld")
        expect(page.locator("tr[data-number='5']")).to_contain_text("withheld")
        assert page.locator("#rows").get_attribute("data-every") == "1", "seconds; a change is visible within 2"
        page.get_by_label("Outcome").select_option("failed")
        expect(rows).to_have_count(1)
        page.get_by_role("link", name="4", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Build 4 failed")
        expect(page.locator("#summary")).to_contain_text("The learning rate makes no sense.")


def test_parameters_are_changed_with_the_keyboard_alone_cleared_and_restored(
    stack: Stack, port: int, browser: Browser
) -> None:
    with show(browser, port, "default/parameters") as page:
        page.get_by_label("Find").fill("keepb")
        page.get_by_label("keepbuilds").fill("7")
        page.get_by_role("button", name="Review changes").focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("keepbuilds is 7 instead of 10")
        assert "keepbuilds" not in json.loads(read_document(stack)), "a plan changes nothing"
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(dialog).to_contain_text("The parameter document is changed.")
        assert json.loads(read_document(stack))["keepbuilds"] == 7
        page.keyboard.press("Escape")
        expect(page.locator(".parameter.set", has_text="keepbuilds")).to_be_visible()
        page.get_by_label("keepbuilds").fill("1000")
        page.get_by_role("button", name="Review changes").click()
        expect(dialog.get_by_role("alert")).to_contain_text(re.compile("keepbuilds.*100"))
        page.keyboard.press("Escape")

        change(page, "keepbuilds", "", "keepbuilds is 10 instead of 7")
        assert "keepbuilds" not in json.loads(read_document(stack)), "an emptied field has its default"
        page.get_by_text("Version 2", exact=True).click()
        page.get_by_role("button", name="Restore version 2").click()
        expect(dialog).to_contain_text("keepbuilds is 7 instead of 10")
        dialog.locator("button[type=submit]").click()
        expect(dialog).to_contain_text("The parameter document is changed.")
        assert json.loads(read_document(stack))["keepbuilds"] == 7
        assert read_state(stack.service).running is None


def change(page: Page, parameter: str, value: str, effect: str) -> None:
    """Change a parameter, and confirm its effect."""
    page.get_by_label(parameter).fill(value)
    page.get_by_role("button", name="Review changes").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(effect)
    dialog.locator("button[type=submit]").click()
    expect(dialog).to_contain_text("The parameter document is changed.")
    page.keyboard.press("Escape")


def read_document(stack: Stack) -> str:
    """The stored text."""
    answer = stack.service.ssm.get_parameter(Name=stack.settings["PARAMETERS_NAME"])
    return str(answer["Parameter"]["Value"])


def test_200_trials_are_drawn(port: int, browser: Browser) -> None:
    rows = [{"rate": f"{number / 100}", "kind": "ab"[number % 2]} for number in range(200)]
    figure = draw_parallel(rows, [number % 17 / 17 for number in range(200)], "accuracy", [f"t{n}" for n in range(200)])
    with show(browser, port, "default/builds") as page:
        page.evaluate(
            """(figure) => {
              const chart = document.createElement("div");
              chart.innerHTML = '<div class="plot"></div><script type="application/json"></script>';
              chart.querySelector("script").textContent = JSON.stringify(figure);
              document.querySelector("main").append(chart);
              return drawChart(chart);
            }""",
            figure,
        )
        expect(page.locator(".plot .scatterlayer .trace")).to_have_count(200)


@pytest.mark.parametrize("view", ["builds", "builds/4", "compare?builds=3,4", "endpoint", "parameters", "pipelines"])
def test_a_view_is_accessible_and_fits_a_narrow_window(port: int, browser: Browser, view: str) -> None:
    with show(browser, port, f"default/{view}", width=380) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.textContent") == "Skip to the content"
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 380
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.evaluate(AXE.read_text(encoding="utf-8"))
            found = page.evaluate("() => axe.run().then((found) => found.violations)")
            assert [(one["id"], one["nodes"][0]["html"][:300]) for one in found] == []
