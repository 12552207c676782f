"""The table of builds in CloudWatch's dashboard: what the function answers to an event as CloudWatch sends it."""

import html
import json
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from handlers.show_builds import handler
from sagebuild import service
from tests.functional.conftest import REGION, Stack
from tests.functional.records import write_record
from tests.functional.test_pipelines import create

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:sagebuild-test-showBuilds"


@pytest.fixture(autouse=True)
def environment(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The function's environment."""
    for name, value in (stack.settings | {"AWS_DEFAULT_REGION": REGION}).items():
        monkeypatch.setenv(name, value)
    service._create_from_environment.cache_clear()
    yield
    service._create_from_environment.cache_clear()


def show(theme: str = "light", **parameters: Any) -> str:
    """The HTML for a widget with these parameters."""
    answer = handler({**parameters, "widgetContext": {"theme": theme}}, SimpleNamespace(invoked_function_arn=ARN))
    assert isinstance(answer, str)
    return answer


def list_calls(text: str) -> list[dict[str, Any]]:
    """The events that the links send."""
    found = re.findall(rf"<cwdb-action action='call' endpoint='{ARN}'>(.*?)</cwdb-action>", text)
    return [json.loads(html.unescape(each)) for each in found]


def test_builds_are_listed_with_the_steps_of_the_newest(stack: Stack) -> None:
    for number in range(1, 11):
        write_record(stack, number)
    write_record(stack, 11, status="failed", metrics={}, reason="<b>bad</b> data\n\nthe log")
    text = show()
    assert re.findall(r"<a>(\d+)</a>", text) == ["11", "10", "9", "8", "7", "6", "5", "4"]
    assert "accuracy 0.97" in text
    assert "&lt;b&gt;bad&lt;/b&gt; data<" in text, "a reason is text, and its log lines are left out"
    assert "Steps of build 11" in text
    assert "Train Model" in text
    assert "https://eu-west-1.console.aws.amazon.com/states/home" in text
    older = list_calls(text)[-1]
    assert older == {"pipeline": "default", "before": 4}
    assert re.findall(r"<a>(\d+)</a>", show(**older)) == ["3", "2", "1"]
    assert list_calls(text)[2] == {"pipeline": "default", "build": 9}
    assert "Steps of build 9" in show(**list_calls(text)[2])


def test_the_colours_follow_the_theme_of_the_dashboard(stack: Stack) -> None:
    write_record(stack, 1, status="failed")
    light, dark = (re.findall(r"--sb-failed:(#\w+)", show(theme))[0] for theme in ("light", "dark"))
    assert light != dark
    assert "color:var(--sb-failed," in show()


def test_a_widget_without_builds_says_so(stack: Stack) -> None:
    assert "has no builds yet" in show(pipeline="default")
    assert f"{stack.service.stack_name} has no pipeline frau&lt;d" in show(pipeline="frau<d")
    show(pipeline="\ud800").encode()  # a lone surrogate becomes text that Lambda can send
    create(stack.service, "fraud")
    assert "has no builds yet" in show(pipeline="Fraud")


def test_the_function_describes_itself() -> None:
    answer = handler({"describe": True}, SimpleNamespace(invoked_function_arn=ARN))
    assert isinstance(answer, dict)
    assert "**pipeline**" in answer["markdown"]


NESTED: list[object] = []  # more deeply than Python can write as text
for _ in range(5000):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("x", "Steps of build 1<"),
        ("9" * 5000, "Steps of build 1<"),
        (-1, "Steps of build 1<"),
        (None, "Steps of build 1<"),
        (NESTED, "Steps of build 1<"),
        (9, "There is no build 9"),
    ],
)
def test_a_wrong_number_shows_the_newest_build_or_why_it_cannot(stack: Stack, number: object, shown: str) -> None:
    write_record(stack, 1)
    assert shown in show(build=number)
