"""Each line that a function logs has the stack, the pipeline, the build and the step."""

import importlib
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from awslambdaric.lambda_runtime_log_utils import JsonFormatter

from sagebuild.log_keys import log_about, logged
from tests.contract.test_service import FUNCTIONS
from tests.engine import ROOT


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """The lines of the log, as Lambda's runtime formats them."""
    monkeypatch.setenv("STACK_NAME", "sagebuild-dev")
    lines: list[dict[str, Any]] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(self.format(record)))

    handler, root = Collect(), logging.getLogger()
    handler.setFormatter(JsonFormatter())
    root.addHandler(handler)
    monkeypatch.setattr(logging.getLogger("sagebuild"), "level", logging.INFO)
    yield lines
    root.removeHandler(handler)


def keys(line: dict[str, Any]) -> list[Any]:
    return [line.get(name) for name in ("stack", "pipeline", "build", "step")]


def test_a_state_logs_its_build_also_in_the_lines_of_libraries(lines: list[dict[str, Any]]) -> None:
    @logged("Check Quality")
    def handler(_event: dict[str, Any], _context: object) -> None:
        logging.getLogger("sagebuild").warning("ours")
        logging.getLogger("botocore").warning("theirs")

    handler({"number": 12, "pipeline": "fraud"}, None)
    *messages, end = [line["message"] for line in lines]
    assert messages == ["ours", "theirs"]
    assert re.fullmatch(r"Check Quality ended after \d\.\d s", end)
    assert [keys(line) for line in lines] == [["sagebuild-dev", "fraud", 12, "Check Quality"]] * 3


def test_lines_about_other_builds_have_their_own_keys(lines: list[dict[str, Any]]) -> None:
    @logged("Sweep Builds")
    def handler(_event: dict[str, Any], _context: object) -> None:
        for pipeline, build in (("", 3), ("fraud", 7)):
            with log_about(pipeline, build):
                logging.getLogger("sagebuild").warning("finished again")
        logging.getLogger("sagebuild").warning("all")

    handler({"time": "2026-01-01T00:00:00Z"}, None)
    assert [keys(line) for line in lines[:3]] == [
        ["sagebuild-dev", "default", 3, "Sweep Builds"],
        ["sagebuild-dev", "fraud", 7, "Sweep Builds"],
        ["sagebuild-dev", None, None, "Sweep Builds"],
    ]


def test_an_error_that_leaves_the_handler_is_named_with_the_keys(lines: list[dict[str, Any]]) -> None:
    @logged("Pack Model")
    def handler(_event: dict[str, Any], _context: object) -> None:
        raise ValueError("no such archive")

    with pytest.raises(ValueError, match="no such archive"):
        handler({"number": 4, "pipeline": ""}, None)
    assert keys(lines[0]) == ["sagebuild-dev", "default", 4, "Pack Model"]
    assert lines[0]["message"] == "Pack Model failed: ValueError: no such archive"
    logging.getLogger("sagebuild").warning("outside")
    assert keys(lines[1]) == [None] * 4


@pytest.mark.parametrize("event", [{}, {"number": "12"}, {"number": 5, "pipeline": 3}, [], "text", None])
def test_any_event_reaches_the_handler(event: Any) -> None:
    assert logged("Plan Build")(lambda given, _context: given)(event, None) is event


def test_each_function_gives_its_lines_the_keys_and_states_their_own_names() -> None:
    machine = (ROOT / "statemachine.asl.json").read_text(encoding="utf-8")
    states = {
        state["Arguments"]["FunctionName"][2 : -len("FunctionArn}")].lower(): name
        for name, state in json.loads(machine)["States"].items()
        if "lambda:invoke" in state.get("Resource", "") and "FunctionName" in state["Arguments"]
    }
    assert len(states) >= 6
    for name, function in FUNCTIONS.items():
        module, _, attribute = function["handler"].replace("/", ".").rpartition(".")
        handler = getattr(importlib.import_module(module), attribute)
        step = _read_step(handler)
        assert step, f"{name} is not decorated with @logged"
        assert step == states.get(name.lower(), step)


def _read_step(handler: Any) -> str:
    cells = dict(zip(handler.__code__.co_freevars, handler.__closure__ or (), strict=True))
    return str(cells["step"].cell_contents) if "step" in cells else ""
