"""Builds for the skill's tests, and fakes of the functions of sagebuild that the skill calls."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagebuild.builds import records
from sagebuild.builds.lock import PipelineState
from sagebuild.builds.records import BuildRecord, Trigger
from sagebuild.builds.status import BuildStatus
from sagebuild.cost import spent
from sagebuild.launch import start
from sagebuild.notifications import notify
from sagebuild.running import stop
from sagebuild.service import Service
from sagebuild.steps import approval
from sagebuild.voice import approval as voice_approval
from sagebuild.voice import comparison, forecast, pipelines, rollback, spoken_parameters
from sagebuild.voice.approval import Waiting
from sagebuild.voice.forecast import NextBuild
from skill import access, builds
from tests.alexa import SKILL_ID

# Hours ago, not minutes, so that even a slow run of the tests does not change the words.
NOW = datetime.now(UTC)
RUNNING = BuildStatus(
    12, "running", "Train Model", NOW - timedelta(hours=3, minutes=3), None, None, "https://console.example/12"
)
ENDED = replace(RUNNING, outcome="succeeded", step=None, ended_at=NOW - timedelta(hours=3))
NEXT = NextBuild(13, None, True, True, "ml.m5.large", 1, 4, 1)
WAITING = Waiting(12, "f1", 0.97, 0.95, 0.461, NOW + timedelta(hours=20))

# The module in which the skill looks each function up.
MODULES = {
    "answer_approval": approval,
    "apply_change": spoken_parameters,
    "apply_rollback": rollback,
    "check_pin": access,
    "compare_builds": comparison,
    "count_listeners": notify,
    "describe_build": builds,
    "describe_cost": spent,
    "describe_latest_build": builds,
    "describe_next_build": forecast,
    "describe_waiting": voice_approval,
    "estimate_time": forecast,
    "launch_build": start,
    "list_builds": builds,
    "list_states": pipelines,
    "plan_rollback": rollback,
    "propose_change": spoken_parameters,
    "read_access": access,
    "read_build": records,
    "read_parameter": spoken_parameters,
    "stop_build": stop,
}


class Domain:
    """Functions with a fixed answer each: `domain(list_builds=[...])`; an exception as the answer is raised.

    `calls` holds the positional arguments of each call, without the service.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SKILL_ID", SKILL_ID)
        monkeypatch.setenv("RESULTS_TOPIC_ARN", "arn:aws:sns:eu-west-1:123456789012:results")
        self._monkeypatch = monkeypatch
        self.calls: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self(list_states=[PipelineState()])

    def __call__(self, **answers: Any) -> None:
        for name, answer in answers.items():
            self.fake(MODULES[name], name, answer)

    def fake(self, module: Any, name: str, answer: Any) -> None:
        """Let this function of a module give the answer."""

        def give_answer(*given: Any, **_named: Any) -> Any:
            self.calls[name].append(given[1:] if given and isinstance(given[0], Service) else given)
            if isinstance(answer, Exception):
                raise answer
            return answer

        self._monkeypatch.setattr(module, name, give_answer)


def a_record(number: int, status: str = "succeeded", **values: Any) -> BuildRecord:
    times = {"created_at": NOW.isoformat(), "ended_at": NOW.isoformat()}
    return BuildRecord(number, Trigger("voice"), status=status, **times | values)
