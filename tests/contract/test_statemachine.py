"""The state machine keeps its style, and agrees with its resource, its errors and the plan that it is given."""

import copy
import inspect
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints, is_typeddict

import pytest
import yaml

from sagebuild import errors
from sagebuild.plan.build import BuildPlan
from sagebuild.plan.rollback import RollbackPlan
from tests.engine import ROOT
from tools.format_state_machine import FILE, lay_out

VALIDATOR = ROOT / "node_modules" / ".bin" / "asl-validator"
SMALL_WORDS = {"and", "of", "the", "to"}
VERBS = {
    "Ask",
    "Build",
    "Check",
    "Create",
    "Delete",
    "Evaluate",
    "Fetch",
    "Find",
    "Pack",
    "Plan",
    "Process",
    "Register",
    "Release",
    "Run",
    "Set",
    "Train",
    "Transform",
    "Tune",
    "Update",
    "Verify",
}

Definition = dict[str, Any]
Rule = Callable[[Definition], Iterator[str]]
RULES: list[Rule] = []


@pytest.fixture
def definition() -> Definition:
    """A copy of the machine, to be spoilt."""
    loaded: Definition = json.loads(FILE.read_text(encoding="utf-8"))
    return loaded


def rule(find: Rule) -> Rule:
    """Add to the rules: a function that yields a sentence for each violation."""
    RULES.append(find)
    return find


def states_of(definition: Definition, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from ((name, state) for name, state in all_states(definition) if state["Type"] == kind)


def all_states(definition: Definition) -> Iterator[tuple[str, dict[str, Any]]]:
    """The machine's states, and those that a Map goes through for each of its items."""
    for name, state in definition["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from all_states(state["ItemProcessor"])


def expressions_in(value: Any) -> Iterator[str]:
    """Every JSONata expression."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from expressions_in(part)
    elif isinstance(value, str) and value.startswith("{%"):
        yield value.removeprefix("{%").removesuffix("%}")


def is_gone_already(caught: list[str]) -> bool:
    """Whether what a state was to remove was not there, which is no failure."""
    return all(error.endswith(".ObjectNotFoundException") for error in caught)


def is_left_unanswered(state: dict[str, Any], caught: list[str]) -> bool:
    """Whether a person has not answered in time, which is no failure."""
    return state.get("Resource", "").endswith(".waitForTaskToken") and caught == ["States.Timeout"]


def error_names(definition: Definition) -> set[str]:
    handlers = [one for _, state in all_states(definition) for key in ("Retry", "Catch") for one in state.get(key, [])]
    return {error for handler in handlers for error in handler["ErrorEquals"]}


@rule
def every_state_says_why_it_exists(definition: Definition) -> Iterator[str]:
    yield from (name for name, state in all_states(definition) if not state.get("Comment"))


@rule
def tasks_are_verb_phrases_in_title_case(definition: Definition) -> Iterator[str]:
    for name, _ in states_of(definition, "Task"):
        first, *rest = name.split(" ")
        if first not in VERBS or not rest or any(not word.istitle() for word in rest if word not in SMALL_WORDS):
            yield name


@rule
def choices_are_questions(definition: Definition) -> Iterator[str]:
    choices = {name for name, _ in states_of(definition, "Choice")}
    yield from choices ^ {name for name in definition["States"] if name.endswith("?")}


@rule
def every_choice_has_a_default(definition: Definition) -> Iterator[str]:
    yield from (name for name, state in states_of(definition, "Choice") if "Default" not in state)


@rule
def a_choice_assigns_in_one_place(definition: Definition) -> Iterator[str]:
    # AWS's guide lets the Assign of a state apply beside that of a rule, the language's specification instead of it.
    for name, state in states_of(definition, "Choice"):
        if "Assign" in state and any(
            "Assign" in one or one["Next"] == state.get("Default") for one in state["Choices"]
        ):
            yield name


@rule
def every_task_ends_in_time(definition: Definition) -> Iterator[str]:
    yield from (name for name, state in states_of(definition, "Task") if not state.get("TimeoutSeconds"))


@rule
def every_task_is_retried_within_bounds(definition: Definition) -> Iterator[str]:
    for name, state in states_of(definition, "Task"):
        retriers = state.get("Retry", [])
        bounded = all(1 <= one.get("MaxAttempts", 0) <= 6 and one.get("MaxDelaySeconds") for one in retriers)
        if not retriers or not bounded or any(one.get("JitterStrategy") != "FULL" for one in retriers):
            yield name


@rule
def retries_name_what_is_transient(definition: Definition) -> Iterator[str]:
    for name, state in states_of(definition, "Task"):
        if {"States.ALL", "States.TaskFailed"} & {
            error for one in state.get("Retry", []) for error in one["ErrorEquals"]
        }:
            yield name


@rule
def every_failure_ends_in_the_one_fail(definition: Definition) -> Iterator[str]:
    fails = [name for name, _ in states_of(definition, "Fail")]
    if len(fails) != 1 or {"Error", "Cause"} - definition["States"][fails[0]].keys():
        yield f"the Fail states are {fails}"
    for name, state in definition["States"].items():
        if state["Type"] not in ("Task", "Map"):  # a Map catches for the tasks in it
            continue
        if [one["ErrorEquals"] for one in state.get("Catch", [])][-1:] != [["States.ALL"]]:
            yield f"{name} does not catch States.ALL last"
        failures = [
            one
            for one in state.get("Catch", [])
            if not is_gone_already(one["ErrorEquals"]) and not is_left_unanswered(state, one["ErrorEquals"])
        ]
        if any([one["Next"]] != fails or "failure" not in one.get("Assign", {}) for one in failures):
            yield f"{name} does not hand its failure to {fails}"


@rule
def expressions_are_of_the_service_s_jsonata(definition: Definition) -> Iterator[str]:
    for expression in expressions_in(definition):
        code = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "''", expression)
        if re.search(r"\?\?|\?\s*:", code):
            yield expression


@rule
def matched_errors_of_our_own_exist(definition: Definition) -> Iterator[str]:
    ours = {name for name, _ in inspect.getmembers(errors, inspect.isclass)}
    yield from {name for name in error_names(definition) if "." not in name} - ours


@rule
def the_plan_is_used_as_it_is_made(definition: Definition) -> Iterator[str]:
    used = {path for expression in expressions_in(definition) for path in plan_paths(expression)}
    yield from unlike(used, BuildPlan)


@rule
def a_rollback_is_planned_as_it_is_used(definition: Definition) -> Iterator[str]:
    on_path = {"Preprocess?", "Source To Fetch?", "Images To Build?", "Data To Process?", "How To Train?"} | reach(
        definition, "Take Earlier Build"
    )
    states = [definition["States"][name] for name in on_path if name in definition["States"]]
    used = {path for expression in expressions_in(states) for path in plan_paths(expression)}
    # A rollback runs no own machine before it and builds no images, so it uses only the "wanted" of these parts.
    yield from (fault for fault in unlike(used, RollbackPlan) if fault not in NOT_IN_A_ROLLBACK)


@rule
def the_modes_of_the_plan_are_those_of_the_choice(definition: Definition) -> Iterator[str]:
    compared = set(re.findall(r"\$plan\.mode = '(\w+)'", json.dumps(definition)))
    yield from compared ^ set(get_args(get_type_hints(BuildPlan)["mode"]))


NOT_IN_A_ROLLBACK = {"preprocess.execution", "source.request", "images.builds", "images.lookup", "processing.jobs"}


def reach(definition: Definition, name: str) -> set[str]:
    """The states that the machine can come to from one of them, that one included."""
    ahead, reached = {name}, set[str]()
    while ahead:
        reached |= ahead
        states = [definition["States"].get(one, {}) for one in ahead]
        rules = [rule for state in states for key in ("Choices", "Catch") for rule in state.get(key, [])]
        ahead = {each[key] for each in (*states, *rules) for key in ("Next", "Default") if key in each} - reached
    return reached


@rule
def placeholders_are_substituted(definition: Definition) -> Iterator[str]:
    resources = yaml.safe_load((ROOT / "resources" / "pipeline.yml").read_text(encoding="utf-8"))["Resources"]
    substituted = resources["BuildStateMachine"]["Properties"]["DefinitionSubstitutions"].keys()
    # tools/state-machine.cjs writes the placeholder Partition into the ARNs.
    yield from set(re.findall(r"\$\{(\w+)\}", json.dumps(definition))) ^ (substituted - {"Partition"})


def plan_paths(expression: str) -> Iterator[tuple[str, ...]]:
    """What an expression reads of the plan: ("quality", "check") for $plan.quality.check."""
    yield from (tuple(path.split(".")) for path in re.findall(r"\$plan\.([A-Za-z]\w*(?:\.[A-Za-z]\w*)*)", expression))


def unlike(used: set[tuple[str, ...]], plan: type) -> Iterator[str]:
    """The paths that are used and not of the type, and the keys of the type that nothing uses."""
    yield from (".".join(path) for path in used if not is_part_of(plan, path))
    for key, inner in get_type_hints(plan).items():
        below = {path[1] for path in used if path[0] == key and len(path) > 1}
        if all(path[0] != key for path in used):
            yield key
        elif is_typeddict(inner) and (key,) not in used:
            yield from (f"{key}.{unused}" for unused in get_type_hints(inner).keys() - below)


def is_part_of(kind: Any, path: tuple[str, ...]) -> bool:
    """Whether a type has these keys, one in the other; what is a body of AWS's may have any."""
    kinds = [one for one in (get_args(kind) or (kind,)) if one is not type(None)]
    if not path or not is_typeddict(kinds[0]):
        return True
    hints = get_type_hints(kinds[0])
    return path[0] in hints and is_part_of(hints[path[0]], path[1:])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_state_machine(definition: Definition, rule: Rule) -> None:
    assert list(rule(definition)) == []


PLAN, TRAIN = "Plan Build", "Train Model"
READY = "Endpoint Ready?"


@pytest.mark.parametrize(
    ("rule", "path", "spoilt"),
    [
        (every_state_says_why_it_exists, (PLAN, "Comment"), ""),
        (tasks_are_verb_phrases_in_title_case, ("Model Training",), {"Type": "Task"}),
        (tasks_are_verb_phrases_in_title_case, ("Train model",), {"Type": "Task"}),
        (choices_are_questions, ("Ready",), {"Type": "Choice"}),
        (choices_are_questions, ("Trained?",), {"Type": "Task"}),
        (every_choice_has_a_default, ("Free?",), {"Type": "Choice"}),
        (a_choice_assigns_in_one_place, (READY, "Choices", 0, "Assign"), {"failure": {}}),
        (a_choice_assigns_in_one_place, (READY, "Choices", 0, "Next"), "Build Failed"),
        (every_task_ends_in_time, (PLAN, "TimeoutSeconds"), None),
        (every_task_is_retried_within_bounds, (PLAN, "Retry"), []),
        (every_task_is_retried_within_bounds, (PLAN, "Retry", 0, "MaxAttempts"), 99),
        (every_task_is_retried_within_bounds, (PLAN, "Retry", 0, "MaxDelaySeconds"), None),
        (every_task_is_retried_within_bounds, (PLAN, "Retry", 0, "JitterStrategy"), "NONE"),
        (retries_name_what_is_transient, (TRAIN, "Retry", 0, "ErrorEquals"), ["States.TaskFailed"]),
        (every_failure_ends_in_the_one_fail, (TRAIN, "Catch"), []),
        (every_failure_ends_in_the_one_fail, (TRAIN, "Catch", 0, "ErrorEquals"), ["States.Timeout"]),
        (every_failure_ends_in_the_one_fail, (TRAIN, "Catch", 0, "Next"), "Build Succeeded"),
        (every_failure_ends_in_the_one_fail, (TRAIN, "Catch", 0, "Assign"), {}),
        (every_failure_ends_in_the_one_fail, ("Give Up",), {"Type": "Fail"}),
        (every_failure_ends_in_the_one_fail, ("Build Failed", "Type"), "Succeed"),
        (expressions_are_of_the_service_s_jsonata, (TRAIN, "Arguments"), "{% $plan.training ?? {} %}"),
        (expressions_are_of_the_service_s_jsonata, (TRAIN, "Arguments"), "{% $plan.training ?: {} %}"),
        (matched_errors_of_our_own_exist, (PLAN, "Retry", 0, "ErrorEquals", 0), "AwsAwayError"),
        (the_plan_is_used_as_it_is_made, (TRAIN, "Arguments"), "{% $plan.teaching %}"),
        (the_plan_is_used_as_it_is_made, (TRAIN, "Arguments"), "{% $plan.quality.chekc %}"),
        (the_modes_of_the_plan_are_those_of_the_choice, (TRAIN, "Arguments"), "{% $plan.mode = 'guess' %}"),
        (a_rollback_is_planned_as_it_is_used, ("Take Earlier Build", "Assign"), "{% $plan.training %}"),
        (placeholders_are_substituted, (PLAN, "Arguments", "FunctionName"), "${PlanFunctionArn}"),
    ],
)
def test_a_spoilt_state_machine_is_found_out(
    definition: Definition, rule: Rule, path: tuple[Any, ...], spoilt: Any
) -> None:
    *parents, last = path
    place = definition["States"]
    for key in parents:
        place = place[key]
    place[last] = spoilt
    assert list(rule(definition))


def test_a_ternary_and_marks_in_text_are_no_such_operators(definition: Definition) -> None:
    spoken = copy.deepcopy(definition)
    spoken["States"][TRAIN]["Arguments"] = "{% $a ? 'what?? why ?: so' : {'b': 1} %}"
    assert list(expressions_are_of_the_service_s_jsonata(spoken)) == []


def test_the_file_is_laid_out_as_make_format_does_it() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert text == lay_out(text), "run make format"


def test_a_layout_changes_no_value(definition: Definition) -> None:
    spread = json.dumps(definition, indent=4)
    laid_out = lay_out(spread)
    assert json.loads(laid_out) == definition
    assert lay_out(laid_out) == laid_out != spread


def validate(file: Path) -> "subprocess.CompletedProcess[str]":
    command = [str(VALIDATOR), "--json-path", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_validator_finds_no_fault() -> None:
    ended = validate(FILE)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_validator_finds_a_fault(definition: Definition, tmp_path: Path) -> None:
    definition["States"][TRAIN]["Next"] = "Nowhere"
    spoilt = tmp_path / FILE.name
    spoilt.write_text(json.dumps(definition))
    ended = validate(spoilt)
    assert ended.returncode != 0
    assert "Nowhere" in ended.stdout + ended.stderr
