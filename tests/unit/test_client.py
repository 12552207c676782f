"""The client's text and drawings: translated errors, compared documents, logs, steps, plots and tables."""

import io
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    UnauthorizedSSOTokenError,
)

from sagebuild.builds.lock import Pending, PipelineState
from sagebuild.builds.records import BuildRecord, Trigger
from sagebuild.client.answers import decode
from sagebuild.client.aws_errors import translate_error
from sagebuild.client.builds import Builds
from sagebuild.client.comparison import Comparison
from sagebuild.client.descriptions import describe_fields, describe_outcome, name_build
from sagebuild.client.differences import describe_differences
from sagebuild.client.launch_requests import find_number
from sagebuild.client.logs import FUNCTIONS, read_function_line
from sagebuild.client.metrics import Curves, collect_metrics, draw_sparkline
from sagebuild.client.request_data import encode
from sagebuild.errors import InputError
from sagebuild.parameters.dotted import remove_path, set_path
from sagebuild.parameters.json_text import read_leniently
from sagebuild.service import Service
from sagebuild.stack_outputs import name_setting
from sagebuild.view.steps import Step, Steps
from tests.engine import ROOT

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SERVICE = Service({}, lambda _name: None)


def record(number: int, **facts: Any) -> BuildRecord:
    """A build that began on the second of January."""
    return BuildRecord(number, Trigger("command", "paul"), NOW.isoformat(), **facts)


def client_error(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


@pytest.mark.parametrize(
    ("error", "name", "sentence"),
    [
        (NoCredentialsError(), "CredentialsError", "There are no AWS credentials: run 'aws configure'"),
        (ProfileNotFound(profile="x"), "CredentialsError", "aws configure list-profiles"),
        (UnauthorizedSSOTokenError(), "CredentialsError", "log in again"),
        (NoRegionError(), "RegionError", "No AWS region is set: pass --region"),
        (EndpointConnectionError(endpoint_url="http://x"), "RegionError", "or 'make local' is still running"),
        (client_error("ExpiredToken"), "CredentialsError", "AWS rejects these credentials (ExpiredToken)"),
        (client_error("AccessDenied", "paul may not."), "AccessDeniedError", "paul may not. (DescribeStacks"),
    ],
)
def test_a_botocore_error_is_translated(error: Any, name: str, sentence: str) -> None:
    translated = translate_error(error)
    assert type(translated).__name__ == name
    assert sentence in str(translated)


def test_an_error_without_a_translation_is_left_alone() -> None:
    assert translate_error(client_error("ValidationException")) is None


@pytest.mark.parametrize(
    ("output", "setting"),
    [("BuildsTable", "BUILDS_TABLE"), ("StateMachineArn", "STATE_MACHINE_ARN"), ("Framework", "FRAMEWORK")],
)
def test_an_output_becomes_the_setting_that_functions_have(output: str, setting: str) -> None:
    assert name_setting(output) == setting


def test_differences_are_listed_by_dotted_names() -> None:
    before = {"a": 1, "b": {"c": 1, "d": 2}, "e": True, "f": 1}
    after = {"a": 1, "b": {"c": 1, "d": 3}, "f": 1.0, "g": []}
    assert describe_differences(before, after) == ["~ b.d: 2 -> 3", "- e: true", "~ f: 1 -> 1.0", "+ g: []"]


def test_a_dotted_name_reaches_into_a_document() -> None:
    document: dict[str, Any] = {"hyperparameters": {"epochs": 1}, "train": True}
    set_path(document, "hyperparameters.epochs", 2)
    set_path(document, "channels.train.path", "data/")
    remove_path(document, "train")
    assert document == {"hyperparameters": {"epochs": 2}, "channels": {"train": {"path": "data/"}}}
    with pytest.raises(InputError, match="channels is not an object"):
        set_path({"channels": "all"}, "channels.train", 1)
    with pytest.raises(InputError, match="train is not in the document"):
        remove_path(document, "train")


def test_an_address_replaces_the_channel_of_an_input() -> None:
    document = {"evaluation": {"inputs": {"test": {"channel": "validation", "dist": "ShardedByS3Key"}}}}
    set_path(document, "evaluation.inputs.test", "s3://lake/test/")
    assert document["evaluation"]["inputs"]["test"] == {"uri": "s3://lake/test/", "dist": "ShardedByS3Key"}


def test_logs_are_those_of_every_function_that_a_build_calls() -> None:
    machine = (ROOT / "statemachine.asl.json").read_text(encoding="utf-8")
    called = {f"{name[0].lower()}{name[1:]}" for name in re.findall(r"\$\{(\w+)FunctionArn\}", machine)}
    assert called | {"launchBuild", "finishBuild"} == set(FUNCTIONS)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null"])
def test_text_that_is_not_a_document_reads_as_an_empty_one(text: str) -> None:
    assert read_leniently(text) == {}


@pytest.mark.parametrize(
    ("before", "after", "number"),
    [
        (PipelineState(4, None), PipelineState(4, None), None),
        (PipelineState(4, None), PipelineState(5, 5), 5),
        (PipelineState(5, 5), PipelineState(5, 5), None),
        (PipelineState(5, 5), PipelineState(5, 5, Pending(Trigger("topic"), 1, "")), 6),
        (
            PipelineState(5, 5, Pending(Trigger("topic"), 1, "")),
            PipelineState(5, 5, Pending(Trigger("topic"), 1, "")),
            None,
        ),
        (
            PipelineState(5, 5, Pending(Trigger("topic"), 1, "")),
            PipelineState(5, 5, Pending(Trigger("topic"), 2, "")),
            6,
        ),
        (PipelineState(5, 5, Pending(Trigger("topic"), 1, "")), PipelineState(6, 6), 6),
    ],
)
def test_a_request_is_found_in_the_build_that_began_or_in_the_pending_one(
    before: PipelineState, after: PipelineState, number: int | None
) -> None:
    assert find_number(before, after) == number


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("START RequestId: 1 Version: $LATEST", ""),
        ("REPORT RequestId: 1\tDuration: 1 ms", ""),
        (
            "REPORT RequestId: 1\tDuration: 1 ms\tStatus: timeout",
            "REPORT RequestId: 1\tDuration: 1 ms\tStatus: timeout",
        ),
        ('{"type": "platform.start", "record": {}}', ""),
        ('{"type": "platform.report", "record": {"status": "success"}}', ""),
        (
            '{"type": "platform.report", "record": {"status": "timeout"}}',
            '{"type": "platform.report", "record": {"status": "timeout"}}',
        ),
        ('{"level": "INFO", "message": "build 3 planned"}', "INFO build 3 planned"),
        ('{"level": "ERROR", "errorType": "KeyError", "errorMessage": "x"}', "ERROR KeyError x"),
        ('{"_aws": {"CloudWatchMetrics": []}, "Builds": [1.0]}', ""),
        ("42", "42"),
        ("plain words", "plain words"),
    ],
)
def test_only_the_messages_of_a_functions_log_are_shown(text: str, message: str) -> None:
    assert read_function_line(text) == message


def test_metrics_of_builds_are_put_side_by_side() -> None:
    curves = collect_metrics([record(3, metrics={"a": 2.0}), record(2), record(1, metrics={"a": 1.0, "b": 5.0})])
    assert curves.places == (1, 3)
    assert curves["a"] == [1.0, 2.0]
    assert str(curves["b"]) == "[5.0, nan]"


def test_a_sparkline_reaches_from_the_smallest_to_the_largest() -> None:
    assert draw_sparkline([0, 1, 2, 7]) == "▁▂▃█"
    assert draw_sparkline([3.0]) == "▄"
    assert draw_sparkline(range(1000), width=8) == "▁▂▃▄▅▆▇█"  # the whole course, not its end
    assert draw_sparkline([1, float("nan"), 2]) == "▁█"
    assert draw_sparkline([float("inf")]) == ""


@pytest.mark.parametrize(
    ("data", "content_type", "body", "sent_as"),
    [
        ([[1, 2]], None, b"[[1, 2]]", "application/json"),
        ({"a": 1}, None, b'{"a": 1}', "application/json"),
        ([[1, "x"], [2, "y"]], "text/csv", b"1,x\n2,y\n", "text/csv"),
        ("1,2\n", None, b"1,2\n", "text/csv"),
        (b"\x00", None, b"\x00", "application/octet-stream"),
        (b"\x00", "image/png", b"\x00", "image/png"),
        (np.array([[1.5, 2]]), None, b"1.5,2.0\n", "text/csv"),
        (np.array([1, 2]), None, b"1,2\n", "text/csv"),
        (np.array([[1], [2]]), "application/json", b"[[1], [2]]", "application/json"),
    ],
)
def test_a_request_is_written_in_its_content_type(
    data: Any, content_type: str | None, body: bytes, sent_as: str
) -> None:
    assert encode(data, content_type) == (body, sent_as)


def test_npy_and_files_are_sent(tmp_path: Path) -> None:
    body, kind = encode(np.zeros((2, 3, 4)), "application/x-npy")
    assert np.load(io.BytesIO(body)).shape == (2, 3, 4)
    file = tmp_path / "question.npy"
    file.write_bytes(body)
    assert encode(file) == (body, kind)


@pytest.mark.parametrize(
    ("data", "content_type", "sentence"),
    [
        (np.zeros((2, 3, 4)), None, "An array of 3 dimensions cannot be sent as text/csv"),
        (object(), None, "not JSON serializable; pass numpy, pandas"),
        ({"a"}, "image/png", "A set cannot be sent as image/png"),
        (5, "text/csv", "A int cannot be written as text/csv; pass a list of rows"),
        (Path("question.xls"), None, r"The content type of question\.xls is unknown; pass content_type"),
        (Path("absent.csv"), None, "absent.csv cannot be read"),
    ],
)
def test_data_that_cannot_be_sent_is_refused(data: Any, content_type: str | None, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        encode(data, content_type)


@pytest.mark.parametrize(
    ("body", "content_type", "answer"),
    [
        (b"[1, 2]", "application/json; charset=utf-8", [1, 2]),
        (b"1,a\n", "text/csv", [[1.0, "a"]]),
        (b"seven", "text/plain", "seven"),
        (b"\x00", "image/png", b"\x00"),
    ],
)
def test_a_response_is_read_by_its_content_type(body: bytes, content_type: str, answer: Any) -> None:
    assert decode(body, content_type) == answer


def test_drawings_are_well_formed_and_escape_foreign_text() -> None:
    steps = Steps((Step("Plan Build", "done"), Step("Train Model", "running"), Step("Tune Model", "skipped")))
    drawn = set(ElementTree.fromstring(steps._repr_html_()).itertext())
    assert drawn >= {"Plan Build", "Train Model"}
    assert "Tune Model" not in drawn
    evil = Steps((Step("<script>"),))
    assert "<script>" not in evil._repr_html_()
    curves = Curves({"<b>": [1.0, float("nan"), 3.0], "flat": [2.0]}, "Build 3")
    assert "<b>: no" not in curves._repr_html_()
    diverged = Curves({"loss": [float("nan")]}, "Build 3", notes=("<i>: no number.",))
    assert diverged._repr_mimebundle_().keys() == {"text/html"}, "there is nothing to draw"
    assert "&lt;i&gt;: no number." in diverged._repr_html_()
    failed = record(3, status="failed", reason="<script>alert(1)</script>", ended_at=NOW.isoformat())
    table = Builds((), (failed,))._repr_html_()
    assert "<script>" not in table
    assert ElementTree.fromstring(table).findall("tr")[1].findtext("td") == "3"


def test_a_notebook_draws_a_plot_for_each_metric_with_a_log_scale() -> None:
    bundle = Curves({"loss": [4.0, float("nan"), 1.0], "flat": [2.0]}, "Build 3")._repr_mimebundle_()
    figure = bundle["application/vnd.plotly.v1+json"]
    assert json.loads(json.dumps(figure, allow_nan=False)) == figure
    assert [(trace["y"], trace["yaxis"]) for trace in figure["data"]] == [([4.0, None, 1.0], "y"), ([2.0], "y2")]
    (menu,) = figure["layout"]["updatemenus"]
    assert menu["buttons"][1]["args"] == [{"yaxis.type": "log", "yaxis2.type": "log"}]


OVERRIDES = '{"trainvolumesize": 20}'


def test_two_builds_are_compared() -> None:
    first = record(1, status="succeeded", parameters='{"trainvolumesize": 10}', metrics={"accuracy": 0.5})
    second = record(2, status="failed", parameters=first.parameters, overrides=OVERRIDES, reason="too small")
    comparison = Comparison(first, second)
    assert ("accuracy", "0.5", "-") in comparison.rows
    assert comparison.differences == ["~ trainvolumesize: 10 -> 20"]
    assert [one["reason"] for one in comparison.to_dict()["builds"]] == ["", "too small"]
    assert "~ trainvolumesize: 10 -> 20" in repr(comparison)
    assert "too small" in comparison._repr_html_()


def test_a_build_is_described_with_its_approval_and_its_cost() -> None:
    asked = {"status": "running", "approval_token": "t", "approval_until": "2026-01-03T03:04:05+00:00"}
    fields = describe_fields(record(4, **asked, metrics={"accuracy": 0.9}, live_metrics={"accuracy": 0.8}))
    assert (fields["metrics"], fields["live metrics"]) == ("accuracy 0.9", "accuracy 0.8")
    assert fields["approval"] == "requested, until 2026-01-03 03:04:05 UTC"
    answered = {"approval": "rejected", "approval_by": "ada (command)", "approval_comment": "too slow"}
    fields = describe_fields(
        record(4, **answered, status="withheld", cost_max=0.92, cost=0.001, overrides='{"spot": true}')
    )
    assert fields["approval"] == "rejected by ada (command): too slow"
    assert fields["cost"] == "less than $0.01 of training"
    assert fields["overrides"] == '{"spot": true}'
    assert describe_fields(record(4, cost_max=0.92))["cost"] == "at most $0.92 of training"


@pytest.mark.parametrize(
    ("rollback", "restores", "name"),
    [
        ("", 0, "Build 4"),
        ("previous", 0, "Build 4, a rollback to the previous build,"),
        ("previous", 2, "Build 4, a rollback to build 2,"),
        ("3", 0, "Build 4, a rollback to build 3,"),
    ],
)
def test_a_rollback_is_named_with_the_build_that_it_restores(rollback: str, restores: int, name: str) -> None:
    assert name_build(BuildRecord(4, Trigger("command", "", rollback), NOW.isoformat(), restores=restores)) == name


def test_the_outcome_of_a_build_is_described_in_a_sentence() -> None:
    waiting = record(5, status="waiting", requests=2)
    assert describe_outcome(SERVICE, waiting) == "Build 5 waits for the running build to end; it covers 2 requests."
    ended = {"status": "failed", "ended_at": (NOW + timedelta(seconds=70)).isoformat()}
    failed = record(5, **ended, step="Train Model", reason="Out of memory.")
    assert (
        describe_outcome(SERVICE, failed)
        == "Build 5 failed after 1 minute 10 seconds, at the step Train Model. Out of memory."
    )
