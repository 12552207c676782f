"""The steps of a build: their states, which of them are shown, their picture, and the lines about them."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord, Trigger
from sagebuild.client.metrics import Curves
from sagebuild.client.progress import ProgressLines, SnapshotReader, describe_step
from sagebuild.client.trials import Trials
from sagebuild.service import Service
from sagebuild.view.flow import ROW, assign_phases
from sagebuild.view.routes import Transitions, decide, is_step, list_transitions
from sagebuild.view.steps import PLAN, History, Step, Steps, build_steps, render_steps
from tests.engine import ROOT

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MACHINE: dict[str, Any] = json.loads((ROOT / "statemachine.asl.json").read_text(encoding="utf-8"))


def plan(**parts: Any) -> dict[str, Any]:
    """The part of a plan that the state machine's choices read, of a build with a training and an endpoint."""
    unwanted = ("preprocess", "source", "images", "quality", "register", "approval", "smokeTest", "postprocess")
    usual: dict[str, Any] = {name: {"wanted": False} for name in unwanted}
    usual |= {"mode": "train", "training": None, "deploy": True, "maximumPolls": 40}
    usual |= {name: {"wanted": False, "jobs": []} for name in ("processing", "evaluation")}
    usual |= {"component": {"wanted": False, "keepsInstances": False}}
    usual |= {"transform": {"wanted": False, "request": {}, "seconds": 0}}
    return {PLAN: usual | {"scaling": {"wanted": False, "release": False, "wake": {"wanted": False}}} | parts}


def test_steps_are_done_failed_stopped_or_skipped() -> None:
    history = History()
    for second, name in enumerate(["Plan Build", "Train Model"]):
        history.enter(name, NOW + timedelta(seconds=second))
        history.leave(name, NOW + timedelta(seconds=second + 1))
    failed = {step.name: step for step in build_steps(MACHINE, history, "FAILED", NOW)}
    assert (failed["Plan Build"].state, failed["Plan Build"].seconds) == ("done", 1.0)
    assert (failed["Train Model"].state, failed["Tune Model"].state) == ("failed", "skipped")
    history.enter("Train Model", NOW + timedelta(seconds=2))
    later = NOW + timedelta(seconds=10)
    running = build_steps(MACHINE, history, "RUNNING", later)
    assert running.current == Step("Train Model", "running", 9.0, 2, "2026-01-02T03:04:06+00:00")
    assert describe_step(running.current) == "Train Model: running"
    to_come = {step.name: step.state for step in running}
    assert (to_come["Create Model"], to_come["Tune Model"]) == ("waiting", "skipped")  # it can no longer be reached
    stopped = {step.name: step.state for step in build_steps(MACHINE, history, "ABORTED", later)}
    assert stopped["Train Model"] == "stopped"


def test_transitions_lead_from_step_to_step_and_leave_out_choices() -> None:
    transitions = set(build_steps(MACHINE, History(), "RUNNING", NOW).transitions)
    assert {("Plan Build", "Train Model"), ("Create Model", "Create Endpoint Config")} <= transitions
    assert ("Check Endpoint", "Wait For Endpoint") in transitions


def test_each_step_of_the_state_machine_has_the_phase_in_which_it_happens() -> None:
    phases = assign_phases(name for name, state in MACHINE["States"].items() if is_step(state))
    examples = {
        "Prepare": {"Plan Build", "Build Images", "Process Data"},
        "Train": {"Train Model", "Tune Model", "Find Best Model", "Take Earlier Model"},
        "Judge": {"Evaluate Model", "Check Quality", "Register Model", "Ask For Approval"},
        "Deploy": {"Verify Scoring Model", "Transform Data", "Create Endpoint", "Update Endpoint", "Wait For Endpoint"},
        "Check": {"Check Endpoint", "Run Smoke Test", "Register Scaling", "Run Postprocessing"},
    }
    for phase, names in examples.items():
        assert {name for name, found in phases.items() if found == phase} >= names


def test_the_picture_of_a_plain_build_is_low_and_leaves_out_what_the_build_skips() -> None:
    entered = ["Plan Build", "Find Images", "Train Model", "Pack Model", "Create Model"]
    history = History()
    for name in entered:
        history.enter(name, NOW)
        history.leave(name, NOW)
    steps = build_steps(MACHINE, history, "RUNNING", NOW, list_transitions(MACHINE["States"], plan()))
    picture = ElementTree.fromstring(render_steps(steps))
    columns = [column.findall("ol/li") for column in picture]
    assert sum(len(column) for column in columns) == len(steps.shown) < len(steps)
    rows = max(len(column) for column in columns)
    assert rows * ROW <= 400 - 24, "pixels, without the line of the titles"
    whole = ElementTree.fromstring(render_steps(steps, with_skipped=True))
    assert sum(len(column.findall("ol/li")) for column in whole) == len(steps)


def allow(**parts: Any) -> Transitions:
    """The transitions that such a plan allows."""
    return list_transitions(MACHINE["States"], plan(**parts))


def show(status: str = "RUNNING", *, entered: Sequence[str] = ("Plan Build",), **parts: Any) -> dict[str, str]:
    """The states of the shown steps of a build that has left all entered steps but the last one."""
    history = History()
    for name in entered:
        history.enter(name, NOW)
        if name != entered[-1] or status != "RUNNING":
            history.leave(name, NOW)
    steps = build_steps(MACHINE, history, status, NOW, allow(**parts))
    return {step.name: step.state for step in steps.shown}


def test_only_steps_that_the_plan_allows_are_shown() -> None:
    assert show() == {
        "Plan Build": "running",
        "Train Model": "waiting",
        "Pack Model": "waiting",
        "Create Model": "waiting",
        "Create Endpoint Config": "waiting",
        "Verify Model": "waiting",
        "Find Endpoint": "waiting",
        "Delete Failed Endpoint": "possible",
        "Wait For Free Endpoint": "possible",
        "Create Endpoint": "possible",
        "Update Endpoint": "possible",
        "Wait For Endpoint": "waiting",
        "Check Endpoint": "waiting",
    }
    trained = ["Plan Build", "Tune Model", "Find Best Model", "Pack Model", "Create Model"]
    assert list(show(mode="tune", deploy=False)) == trained
    wanted: dict[str, Any] = {"wanted": True}
    options = show(
        images=wanted,
        quality=wanted,
        processing=wanted,
        evaluation=wanted,
        transform=wanted,
        approval=wanted,
        smokeTest=wanted,
        scaling=wanted | {"release": True},
    )
    assert (
        options.items()
        >= {
            "Build Images": "waiting",
            "Find Images": "waiting",
            "Process Data": "waiting",
            "Evaluate Model": "waiting",
            "Verify Scoring Model": "waiting",
            "Transform Data": "waiting",
            "Check Quality": "waiting",
            "Ask For Approval": "waiting",
            "Release Scaling": "possible",
            "Run Smoke Test": "waiting",
            "Set Scaling Policy": "waiting",
        }.items()
    )
    assert not options.keys() & {"Run Preprocessing", "Tune Model", "Register Model", "Run Postprocessing"}
    assert list(show(mode="rollback"))[:3] == ["Plan Build", "Take Earlier Build", "Verify Model"]


def test_a_step_that_a_build_has_passed_by_is_not_shown() -> None:
    path = ["Plan Build", "Train Model", "Pack Model", "Create Model", "Create Endpoint Config", "Verify Model"]
    path += ["Find Endpoint", "Update Endpoint"]
    assert show(entered=path) == {
        **dict.fromkeys(path[:-1], "done"),
        "Update Endpoint": "running",
        "Wait For Endpoint": "waiting",
        "Check Endpoint": "waiting",
    }
    assert show("FAILED", entered=path[:2]) == {"Plan Build": "done", "Train Model": "failed"}


def test_before_the_plan_is_known_only_the_first_step_is_shown() -> None:
    steps = build_steps(MACHINE, History(), "RUNNING", NOW)
    assert [(step.name, step.state) for step in steps.shown] == [("Plan Build", "waiting")]


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("{% $plan.mode = 'train' %}", True),
        ("{% $plan.mode = 'tune' %}", False),
        ("{% $plan.training != null %}", False),
        ("{% $plan.nothing = false %}", False),
        ("{% $isMet = true %}", None),
        ("{% $found = 'InService' and $plan.deploy = false %}", False),
        ("{% $found = 'InService' and $plan.deploy = true %}", None),
        ("{% $plan.deploy = false or $found = 'InService' %}", None),
        ("{% $plan.mode + 1 = 2 %}", None),  # an error
    ],
)
def test_a_choice_is_decided_as_far_as_the_plan_does(condition: str, value: bool | None) -> None:
    assert decide(condition, plan()) is value


def is_decided(choices: Sequence[dict[str, Any]]) -> bool:
    """Whether the plan alone decides which of the choices is taken; False if one is open before the first true one."""
    values = (decide(choice["Condition"], plan()) for choice in choices)
    return next((value for value in values if value is not False), False) is True


def test_every_choice_of_the_state_machine_is_decided_by_the_plan_or_open() -> None:
    choices = {name: state["Choices"] for name, state in MACHINE["States"].items() if state["Type"] == "Choice"}
    known = {name for name, parts in choices.items() if is_decided(parts)}
    assert choices.keys() - known == {
        "Best Model Known?",
        "Data Processed?",
        "Data Transformed?",
        "Model Evaluated?",
        "Training Completed?",
        "Quality Met?",
        "Approved?",
        "Endpoint Free?",
        "Endpoint Ready?",
        "Component Free?",
        "Component Ready?",
    }


class Recorded:
    """A build that is watched, with the facts of one moment."""

    def __init__(self, facts: BuildRecord, steps: Steps, trials: Trials | None = None) -> None:
        self.record = facts
        self.steps = lambda: steps
        self.trials = lambda: trials or Trials()

    def curves(self) -> Curves:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "FilterLogEvents")


def test_progress_is_a_line_with_a_time_for_each_event() -> None:
    history, written = History(), list[str]()
    lines = ProgressLines(Service({"STACK_NAME": "s"}, lambda _name: None), written.append)
    history.enter("Plan Build", NOW)
    history.leave("Plan Build", NOW + timedelta(seconds=2))
    history.enter("Train Model", NOW + timedelta(seconds=2))
    steps = build_steps(MACHINE, history, "RUNNING", NOW + timedelta(seconds=3), allow())
    running = BuildRecord(4, Trigger("command"), NOW.isoformat(), status="running", training_job="job-4")
    reader = SnapshotReader(with_curves=True)
    snapshot = reader.read(Recorded(running, steps))
    assert not snapshot.curves, "the user may not read the log"
    lines.update(snapshot)
    lines.update(snapshot)
    ended = (NOW + timedelta(seconds=9)).isoformat()
    reason = "The training failed:\n ValueError: no\n\nThe end of the log:\nValueError: no"
    failed = replace(running, status="failed", reason=reason, ended_at=ended, notified_at=ended)
    history.leave("Train Model", NOW + timedelta(seconds=8))
    lines.update(reader.read(Recorded(failed, build_steps(MACHINE, history, "FAILED", NOW, allow()))))
    times = [datetime.strptime(line[:8], "%H:%M:%S").time() for line in written]
    assert times == [(NOW + timedelta(seconds=after)).astimezone().time() for after in (2, 2, 8, 9)]
    assert [line[9:] for line in written] == [
        "Plan Build: done (2.0 s)",
        "Train Model: running",
        "Train Model: failed (6.0 s)",
        "Build 4 failed after 9 seconds. The training failed: ValueError: no",
    ]
