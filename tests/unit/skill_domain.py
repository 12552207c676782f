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
from sagebuild.changes import apply, plan
from sagebuild.changes.apply import Applied
from sagebuild.changes.approval import Waiting
from sagebuild.changes.basis import Live
from sagebuild.changes.document import NewValues
from sagebuild.changes.plan import Effect, PlannedChange
from sagebuild.changes.rollback import Rollback
from sagebuild.changes.start import NextBuild
from sagebuild.changes.stop import Stop
from sagebuild.changes.token import Action
from sagebuild.cost import spent
from sagebuild.cost.spent import Cost
from sagebuild.notifications import notify
from sagebuild.running.stop import Stopped
from sagebuild.service import Service
from sagebuild.voice import comparison, forecast, pipelines, spoken_parameters
from skill import access, builds
from tests.alexa import SKILL_ID

# Hours ago, not minutes, so that even a slow run of the tests does not change the words.
NOW = datetime.now(UTC)
RUNNING = BuildStatus(
    12, "running", "Train Model", NOW - timedelta(hours=3, minutes=3), None, None, "https://console.example/12"
)
ENDED = replace(RUNNING, outcome="succeeded", step=None, ended_at=NOW - timedelta(hours=3))
NEXT = NextBuild(13, None, True, True, "ml.m5.large", 1, 4, 1)
COST = Cost(0.461, 0.46, 0.1, "2026-01-01", ())
WAITING = Waiting(12, "f1", 0.97, 0.95, COST, NOW + timedelta(hours=20))
STOP = Stop(12, "Train Model", None, COST)
ROLLBACK = Rollback(11, 13, 12, "sagebuild-12", COST)
VALUES = NewValues({"trainvolumesize": 10}, {"trainvolumesize": 20})

STARTED = Applied("start", "", 13, started=True)
STOPPED = Applied("stop", "", 12, stopped=Stopped(12, "Stopped", confirmed=True))
ROLLED_BACK = Applied("roll back", "", 13, started=True, restores=11)
APPROVED, REJECTED = Applied("approve", "", 12), Applied("reject", "", 12)
SET = Applied("set parameters", "", 0)

# The module in which the skill looks each function up.
MODULES = {
    "check_pin": access,
    "compare_builds": comparison,
    "count_listeners": notify,
    "describe_build": builds,
    "describe_cost": spent,
    "describe_latest_build": builds,
    "estimate_time": forecast,
    "find_parameter": spoken_parameters,
    "list_builds": builds,
    "list_hyperparameters": spoken_parameters,
    "list_states": pipelines,
    "read_access": access,
    "read_build": records,
    "read_parameter": spoken_parameters,
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
        self.live = Live("sagebuild-12", 12)
        self._planned: dict[str, Effect | Exception] = {}
        self._applied: dict[str, Applied | Exception] = {}
        monkeypatch.setattr(plan, "plan_change", self._plan_change)
        monkeypatch.setattr(apply, "apply_change", self._apply_change)
        self(list_states=[PipelineState()], find_parameter="", list_hyperparameters=[])

    def plan(self, action: Action, effect: Effect | Exception, applied: Applied | Exception | None = None) -> None:
        """Let a plan have this effect, and its token give this result; exceptions are raised."""
        self._planned[action] = effect
        if applied:
            self._applied[action] = applied

    @property
    def applied(self) -> list[str]:
        """The actions that were applied."""
        return [call[0] for call in self.calls["apply_change"]] + ["promote"] * len(self.calls["request_promotion"])

    def _plan_change(
        self, _service: Service, action: Action, *, number: int | None = None, parameters: Any = None
    ) -> PlannedChange:
        self.calls["plan_change"].append((action, number, parameters))
        effect = self._planned[action]
        if isinstance(effect, Exception):
            raise effect
        return PlannedChange(action, "", effect, None, self.live, token=action)

    def _apply_change(self, _service: Service, token: str, *, by: str, detail: str = "", **_more: Any) -> Applied:
        self.calls["apply_change"].append((token, by, detail))
        applied = self._applied[token]
        if isinstance(applied, Exception):
            raise applied
        return applied

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
