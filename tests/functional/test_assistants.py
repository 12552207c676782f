"""The server for assistants, asked by the SDK's own client over stdio: ``sagebuild mcp`` in a process of its own."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from mcp import MCPError

from sagebuild.assistants.results import BuildFacts
from sagebuild.builds.records import BuildRecord, Trigger, update_build
from sagebuild.client.connection import connect
from sagebuild.client.public_record import describe_publicly
from sagebuild.client.stack import Stack
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.launch.start import launch_build
from sagebuild.parameters.store import write_document
from sagebuild.redaction import HIDDEN
from sagebuild.running.job import TRAINING_LOGS
from tests.assistants import Assistant, running_server
from tests.engine import ROOT
from tests.functional.conftest import REGION, STACK, create_stack, empty_moto
from tests.functional.served_stack import OPTIONS, environment, serving_stack
from tests.functional.test_finish import never_sleep

READING = {
    "status",
    "builds",
    "build",
    "failure",
    "metrics",
    "compare",
    "cost",
    "estimate",
    "parameters",
    "logs",
    "pipelines",
}
DOCUMENT = {
    "framework": "SCIKIT",
    "trainentrypoint": "train.py",
    "trainsourcefile": "a.tar.gz",
    "hyperparameters": {"epochs": 5, "api_key": "hunter2"},
}
TRAINING = f"{STACK}-1"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of moto, with a stack."""
    empty_moto()
    with serving_stack(create_stack()) as address:
        yield address


@pytest.fixture(scope="module")
def stack(address: str) -> Stack:  # noqa: ARG001
    """The stack that the server finds: build 1 has failed, and build 2 runs."""
    found = connect(STACK, region=REGION)
    write_document(found.service, DOCUMENT, overwrite=True)
    for number in (1, 2):
        launch_build(found.service, Trigger("command", "zoe"))
        update_build(found.service, number, parameters=json.dumps(DOCUMENT), metrics={"accuracy": 0.5 + number / 10})
        if number == 1:
            write_lines("first", "token=hunter2", "Last one")
            ending = Ending("FAILED", cause="train.py has ended: --password hunter2 was refused")
            finish_build(found.service, number, ending, sleep=never_sleep)
            update_build(found.service, number, training_job=TRAINING)
    return found


def write_lines(*texts: str) -> None:
    """Write lines of the training of build 1."""
    logs: Any = boto3.client("logs", region_name=REGION)
    where = {"logGroupName": TRAINING_LOGS, "logStreamName": f"{TRAINING}/algo-1-1700000000"}
    logs.create_log_group(logGroupName=TRAINING_LOGS)
    logs.create_log_stream(**where)
    now = round(time.time() * 1000)
    events = [{"timestamp": now + place, "message": text} for place, text in enumerate(texts)]
    logs.put_log_events(**where, logEvents=events)


@pytest.fixture(scope="module")
def reader(address: str, stack: Stack) -> Iterator[Assistant]:  # noqa: ARG001
    """The server as it starts by default."""
    with running_server(environment(address), *OPTIONS) as assistant:
        yield assistant


def test_by_default_every_tool_says_that_it_only_reads(reader: Assistant) -> None:
    tools = reader.portal.call(reader.client.list_tools).tools
    assert {tool.name for tool in tools} == READING
    for tool in tools:
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
        assert tool.description
        assert tool.output_schema
        assert all("description" in one for one in tool.input_schema.get("properties", {}).values()), tool.name


def test_the_status_names_the_build_and_what_is_live(reader: Assistant) -> None:
    status = reader.call("status")
    assert status["sentences"][0].startswith("Build 2 has been running for")
    assert (status["build"]["number"], status["endpoint"], status["waiting"]) == (2, None, False)


def test_builds_are_listed_newest_first_and_without_their_documents(reader: Assistant) -> None:
    builds = reader.call("builds", limit=2)["builds"]
    assert [(one["number"], one["status"]) for one in builds] == [(2, "launching"), (1, "failed")]
    assert "parameters" not in builds[0]
    assert len(reader.call("builds", limit=1)["builds"]) == 1
    assert "greater than or equal to 1" in reader.refusal("builds", limit=0)


def test_a_build_has_its_parameters_and_steps(reader: Assistant) -> None:
    build = reader.call("build", number=1)
    assert build["parameters"]["hyperparameters"] == {"epochs": 5, "api_key": HIDDEN}
    assert [step["name"] for step in build["steps"]] == ["Train Model"]
    assert "There is no build 9" in reader.refusal("build", number=9)


def test_a_failure_is_explained_with_its_log(reader: Assistant) -> None:
    failure = reader.call("failure")
    assert (failure["number"], failure["status"]) == (1, "failed")
    assert [line["text"] for line in failure["log"]] == ["first", f"token={HIDDEN}", "Last one"]
    assert failure["reason"] == f"train.py has ended: --password {HIDDEN} was refused"
    assert "sagebuild logs 1" in failure["next"]
    assert reader.call("failure", number=2)["reason"] == ""


def test_metrics_are_side_by_side_or_of_one_build(reader: Assistant) -> None:
    assert reader.call("metrics") == {"builds": [1, 2], "metrics": {"accuracy": [0.6, 0.7]}}
    one = reader.call("metrics", number=1)
    assert (one["metrics"], one["curves"], one["trials"]) == ({"accuracy": 0.6}, {}, [])


def test_two_builds_are_compared(reader: Assistant, stack: Stack) -> None:
    other = DOCUMENT | {"hyperparameters": {"epochs": 9, "api_key": "hunter3"}}
    update_build(stack.service, 2, parameters=json.dumps(other))
    compared = reader.call("compare", first=1, second=2)
    assert {one["name"]: (one["before"], one["after"]) for one in compared["parameters"]} == {
        "hyperparameters.api_key": (HIDDEN, HIDDEN),
        "hyperparameters.epochs": (5, 9),
    }
    assert [one["number"] for one in compared["builds"]] == [1, 2]


def test_costs_are_estimated_before_and_after(reader: Assistant) -> None:
    estimate = reader.call("estimate")
    assert estimate["maximum"] > 0
    assert estimate["sentence"].startswith("at most $")
    assert reader.call("cost", number=1)["number"] == 1


def test_parameters_come_with_their_version_and_on_request_with_defaults(reader: Assistant, stack: Stack) -> None:
    parameters = reader.call("parameters")
    assert (parameters["name"], parameters["problems"]) == (stack.parameters.name, [])
    assert parameters["version"] >= 1
    assert parameters["document"]["hyperparameters"] == {"epochs": 5, "api_key": HIDDEN}
    assert "values" not in parameters
    assert reader.call("parameters", with_defaults=True)["values"]["trainmaxrun"] > 0


def test_an_invalid_document_is_shown_with_its_problems(reader: Assistant, stack: Stack) -> None:
    stack.service.ssm.put_parameter(Name=stack.parameters.name, Value='{"token": "hunter2"', Overwrite=True)
    try:
        parameters = reader.call("parameters")
    finally:
        stack.parameters.replace_text(json.dumps(DOCUMENT))
    assert "is not JSON" in parameters["problems"][0]
    assert "hunter2" not in json.dumps(parameters)


def test_logs_are_counted_from_the_end_and_hide_secrets(reader: Assistant) -> None:
    logs = reader.call("logs", number=1, lines=2, source="training")
    assert [line["text"] for line in logs["lines"]] == [f"token={HIDDEN}", "Last one"]
    assert logs["left_out"] == 1
    found = reader.call("logs", number=1, contains="LAST")
    assert [line["text"] for line in found["lines"]] == ["Last one"]
    text = reader.read("sagebuild://logs/default/1")
    assert "training/algo-1 first" in text
    assert "hunter2" not in text


def test_pipelines_are_listed(reader: Assistant) -> None:
    assert [one["name"] for one in reader.call("pipelines")["pipelines"]] == ["default"]
    assert "has no pipeline 'fraud'" in reader.refusal("status", pipeline="fraud")


def test_a_pipeline_without_builds_has_structured_answers(reader: Assistant, stack: Stack) -> None:
    stack.create_pipeline("unused", framework="SCIKIT")
    status = reader.call("status", pipeline="unused")
    assert status["sentences"] == [
        "sagebuild-test/unused has no builds yet; start one: sagebuild start --pipeline unused."
    ]
    assert (status["build"], status["steps"], status["waiting"]) == (None, [], False)
    assert reader.call("builds", pipeline="unused") == {"builds": []}
    failure = reader.call("failure", pipeline="unused")
    assert (failure["number"], failure["log"]) == (None, [])
    assert failure["sentence"].startswith("None of the newest builds has failed")
    assert reader.call("logs", pipeline="unused") == {"number": None, "lines": [], "left_out": 0}
    cost = reader.call("cost", pipeline="unused")
    assert (cost["number"], cost["spent"]) == (None, None)
    assert reader.call("estimate", pipeline="unused")["maximum"]


def test_what_does_not_exist_is_named(reader: Assistant) -> None:
    for tool in ("build", "failure", "metrics", "cost", "logs"):
        assert "There is no build 99 in sagebuild-test." in reader.refusal(tool, number=99)
    for tool in ("status", "builds", "parameters", "estimate"):
        assert "has no pipeline 'nope'; its pipelines are" in reader.refusal(tool, pipeline="nope")


def test_the_documentation_and_the_schema_are_resources(reader: Assistant) -> None:
    resources = {str(one.uri): one for one in reader.portal.call(reader.client.list_resources).resources}
    pages = {f"sagebuild://docs/{page.stem}" for page in (ROOT / "docs").glob("*.md")}
    assert resources.keys() == pages | {"sagebuild://schema"}
    assert reader.read("sagebuild://docs/triggers") == (ROOT / "docs" / "triggers.md").read_text(encoding="utf-8")
    assert json.loads(reader.read("sagebuild://schema"))["$schema"].startswith("https://json-schema.org/")
    with pytest.raises(MCPError, match="There is no build 9"):
        reader.read("sagebuild://logs/default/9")


def test_a_server_that_only_reads_has_no_tool_that_changes(reader: Assistant) -> None:
    assert "Unknown tool" in reader.refusal("apply_change", token="any")


@pytest.fixture(scope="module")
def writer(address: str, stack: Stack) -> Iterator[Assistant]:  # noqa: ARG001
    """The server that may change something."""
    with running_server(environment(address), *OPTIONS, "--allow-changes") as assistant:
        yield assistant


def test_the_tools_that_change_say_so(writer: Assistant) -> None:
    tools = {tool.name: tool.annotations for tool in writer.portal.call(writer.client.list_tools).tools}
    assert tools.keys() == READING | {"plan_change", "apply_change"}
    assert [name for name, hints in tools.items() if hints and hints.read_only_hint is False] == ["apply_change"]
    assert tools["apply_change"]
    assert (tools["apply_change"].destructive_hint, tools["apply_change"].idempotent_hint) == (True, True)


def test_the_schema_of_each_result_names_its_members(writer: Assistant) -> None:
    """No result is an object of anything: its members are listed, and no other ones are allowed."""
    for tool in writer.portal.call(writer.client.list_tools).tools:
        schema = tool.output_schema
        assert schema, tool.name
        assert schema["properties"], tool.name
        assert schema["additionalProperties"] is False, tool.name


def test_the_schema_of_a_build_has_the_members_of_its_record() -> None:
    record = BuildRecord(1, Trigger("command"), "2026-01-01T00:00:00+00:00")
    assert BuildFacts.__annotations__.keys() == describe_publicly(record).keys() | {"console_url"}


def test_a_change_of_parameters_is_planned_and_made_once(writer: Assistant, stack: Stack) -> None:
    before = stack.parameters.text
    wanted = {"hyperparameters.epochs": 7, "hyperparameters.api_key": "hunter4"}
    planned = writer.call("plan_change", action="set parameters", parameters=wanted)
    assert planned["effect"] == (
        "For all future builds: hyperparameters.epochs is 7 instead of 5; "
        f'hyperparameters.api_key is "{HIDDEN}" instead of "{HIDDEN}".'
    )
    assert "hunter" not in json.dumps(planned["details"])
    assert (planned["cost"], planned["live"]) == (None, {"config": "", "number": None})
    assert stack.parameters.text == before
    done = writer.call("apply_change", token=planned["token"])
    assert (done["sentence"], done["repeated"]) == ("The parameter document is changed.", False)
    assert stack.parameters["hyperparameters"] == {"epochs": 7, "api_key": "hunter4"}
    writer.call("apply_change", token=planned["token"])
    assert stack.parameters.history()[0].document["hyperparameters"]["epochs"] == 7


def test_a_plan_is_refused_after_another_change_of_the_document(writer: Assistant, stack: Stack) -> None:
    planned = writer.call("plan_change", action="set parameters", parameters={"trainmaxrun": 3})
    stack.parameters.set(trainmaxrun=2)
    refusal = writer.refusal("apply_change", token=planned["token"])
    assert "The parameter document has changed since the change was planned. Nothing was done; plan" in refusal
    assert stack.parameters["trainmaxrun"] == 2
    assert "incomplete or mistyped" in writer.refusal("apply_change", token="other")


def test_a_start_is_planned_with_its_cost_after_the_same_checks_as_a_start(writer: Assistant) -> None:
    refusal = writer.refusal("plan_change", action="start", parameters={"trainvolumesiz": 1})
    assert "did you mean 'trainvolumesize'?" in refusal
    assert "a.tar.gz" in writer.refusal("plan_change", action="start"), "the archive is missing"


def test_a_stop_is_planned_and_made_by_an_assistant(writer: Assistant, stack: Stack) -> None:
    planned = writer.call("plan_change", action="stop")
    assert planned["effect"].startswith("Build 2 would stop.")
    assert stack.build(2).status == "launching"
    done = writer.call("apply_change", token=planned["token"])
    assert (done["number"], done["repeated"]) == (2, False)
    assert stack.build(2).record.stop_requested_by == "assistant"
    assert writer.call("apply_change", token=planned["token"])["repeated"]


def test_without_the_extra_the_command_says_what_to_install() -> None:
    code = "import sys; sys.modules['mcp'] = None; sys.argv = ['sagebuild', 'mcp']; "
    code += "from sagebuild.__main__ import main; main()"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "pip install 'sagebuild[mcp]'" in ended.stderr


def test_a_server_without_a_stack_starts_and_says_what_is_wrong(address: str) -> None:
    with running_server(environment(address), *OPTIONS, "--stack", "absent") as assistant:
        assert f"choose one of {STACK}" in assistant.refusal("status")
