"""CloudWatch Logs in local/: filter patterns select events, or are refused by name."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.functions import name

MESSAGES = ["[ERROR 400] BAD REQUEST", "[ERROR 401] UNAUTHORIZED REQUEST", "[WARN] slow: 2 s", "done"]


@pytest.fixture(scope="module")
def group(engine: Engine) -> str:
    logs, group = engine.client("logs"), name("group")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": message} for message in MESSAGES]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    return group


def find(engine: Engine, group: str, pattern: str) -> Any:
    return engine.client("logs").filter_log_events(logGroupName=group, filterPattern=pattern)["events"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", [0, 1, 2, 3]),
        ("ERROR", [0, 1]),
        ("ERROR REQUEST 401", [1]),
        ("error", []),
        ("?WARN ?400", [0, 2]),
        ("ERROR -UNAUTHORIZED", [0]),
        ("-ERROR", [2, 3]),
        ('"slow: 2"', [2]),
        ('"slow: 2" "[WARN]"', [2]),
        ('-"BAD REQUEST" ERROR', [1]),
    ],
)
def test_a_filter_pattern_selects_events_by_terms(engine: Engine, group: str, pattern: str, found: list[int]) -> None:
    assert [event["message"] for event in find(engine, group, pattern)] == [MESSAGES[each] for each in found]


def test_without_a_filter_pattern_all_events_are_found(engine: Engine, group: str) -> None:
    assert len(engine.client("logs").filter_log_events(logGroupName=group)["events"]) == len(MESSAGES)


@pytest.mark.parametrize("pattern", ["{ $.level = 1 }", "[ip, user]", "%ERROR%", "slow:", "ERROR ?WARN"])
def test_another_filter_pattern_is_refused(engine: Engine, group: str, pattern: str) -> None:
    with pytest.raises(ClientError, match="local/ evaluates filter patterns of words") as raised:
        find(engine, group, pattern)
    assert raised.value.response["Error"]["Code"] == "InvalidParameterException"
