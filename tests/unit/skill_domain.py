"""Stands in for the functions of sagebuild that the skill calls."""

from collections import defaultdict
from typing import Any

import pytest

from sagebuild.builds import records
from sagebuild.cost import spent
from sagebuild.launch import start
from sagebuild.notifications import notify
from sagebuild.running import stop
from sagebuild.service import Service
from sagebuild.steps import approval
from sagebuild.voice import approval as voice_approval
from sagebuild.voice import comparison, outlook, rollback, spoken_parameters
from skill import access, builds
from tests.alexa import SKILL_ID

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
    "describe_next_build": outlook,
    "describe_waiting": voice_approval,
    "estimate_time": outlook,
    "launch_build": start,
    "list_builds": builds,
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
