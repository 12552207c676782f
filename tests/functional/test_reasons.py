"""The reason of a failed build names the cause, the parameter to change, and the command for more."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagebuild.builds.records import BuildRecord, Trigger, now
from sagebuild.finish.ending import Ending
from sagebuild.finish.reason import explain_build
from sagebuild.running.job import TRAINING_LOGS, Job
from skill.words import say_reason
from tests.functional.conftest import REGION, Stack, client

NAME = "sagebuild-test-3f2a1c00-7"
TRACEBACK = ["Traceback (most recent call last):", '  File "train.py", line 3, in <module>', "    fit(data)"]
PLAIN = "AlgorithmError: , exit code: 1"
PING = (
    "The endpoint sagebuild-test did not take the new model: it is Failed with c. The primary container for production "
    "variant AllTraffic did not pass the ping health check. Please check CloudWatch logs for this endpoint."
)
DEPLOYMENT = Ending("FAILED", "EndpointDeploymentError", PING)


def write_log(stack: Stack, group: str, stream: str, lines: list[str]) -> None:
    logs = client("logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    milliseconds = int(datetime.now(UTC).timestamp() * 1000)
    events: Any = [{"timestamp": milliseconds, "message": line} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    assert stack


def build(**changes: Any) -> BuildRecord:
    return BuildRecord(7, Trigger("voice"), (now() - timedelta(minutes=5)).isoformat(), **changes)


def explain_training(stack: Stack, lines: list[str], reason: str = PLAIN) -> str:
    """The reason of build 7, whose training failed with these last lines."""
    write_log(stack, TRAINING_LOGS, f"{NAME}/algo-1-1700000000", lines)
    ending = Ending("FAILED", "States.TaskFailed", "{}", now())
    return explain_build(stack.service, build(), ending, Job(NAME, "Failed", reason=reason), "Train Model")


def explain_endpoint(stack: Stack, lines: list[str]) -> str:
    write_log(stack, "/aws/sagemaker/Endpoints/sagebuild-test", "AllTraffic/i-0123", lines)
    return explain_build(stack.service, build(), DEPLOYMENT, None, "Check Endpoint")


@pytest.mark.parametrize(
    ("lines", "reason", "summary"),
    [
        ([*TRACEBACK, "ValueError: no rows"], PLAIN, "The training failed: ValueError: no rows"),
        (["epoch 1", "error: the file is unreadable"], PLAIN, "The training failed: error: the file is unreadable"),
        ([*TRACEBACK, "MemoryError"], PLAIN, "The training ran out of memory; set traininstancetype to"),
        ([], "AlgorithmError: , exit code: 137", "The training ran out of memory; set traininstancetype to"),
        (["Killed"], PLAIN, "The training ran out of memory; set traininstancetype to"),
        ([*TRACEBACK, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"], PLAIN, "The GPU ran out"),
        (
            [*TRACEBACK, "OSError: [Errno 28] No space left on device"],
            PLAIN,
            "The disk of the training instance",
        ),
        (
            [*TRACEBACK, "ModuleNotFoundError: No module named 'lightgbm'"],
            PLAIN,
            "The container has no Python module",
        ),
        (
            ["ERROR: No matching distribution found for pandaz==1.0", "sagemaker-training-toolkit failed"],
            PLAIN,
            "pip could not install pandaz==1.0 from requirements.txt; correct its name or version",
        ),
    ],
)
def test_a_failed_training_names_its_cause_first(stack: Stack, lines: list[str], reason: str, summary: str) -> None:
    text = explain_training(stack, ["x" * 5000, "ping", *lines], reason)
    assert text.startswith(summary)
    assert reason in text
    assert text.endswith("\nMore: sagebuild logs 7 --stack sagebuild-test")
    assert all(f"  {line}"[:300] in text for line in lines)
    assert len(text) < 4000


def test_a_module_that_was_missing_earlier_is_not_the_cause(stack: Stack) -> None:
    warned = ["No module named 'apex'; continuing without", *["epoch"] * 20]
    text = explain_training(stack, [*warned, *TRACEBACK, "ValueError: no rows"])
    assert text.startswith("The training failed: ValueError: no rows")


@pytest.mark.parametrize(
    ("lines", "summary"),
    [
        (
            ["x.ScriptError: the script must define model_fn(model_dir), which returns the model"],
            "The serving script has no function model_fn, which loads the model; add it to the script that hostentry",
        ),
        (
            ["NotImplementedError: Please provide a model_fn implementation."],
            "The serving script has no function model_fn",
        ),
        (
            ["FileNotFoundError: [Errno 2] No such file or directory: '/opt/ml/model/model.joblib'"],
            "The model's archive lacks a file that the server reads, or is empty; let the script of trainentry",
        ),
        (["ModuleNotFoundError: No module named 'lightgbm'"], "The container has no Python module lightgbm; add"),
        (["MemoryError"], "The model's container ran out of memory; set hostinstancetype to"),
        (["RuntimeError: odd"], f"{PING} The container's log: RuntimeError: odd"),
    ],
)
def test_a_failed_endpoint_names_its_cause_first(stack: Stack, lines: list[str], summary: str) -> None:
    text = explain_endpoint(stack, ["GET /ping 500", *TRACEBACK, *lines, "GET /ping 500"])
    assert text.startswith(summary)
    assert PING in text
    assert "GET /ping" not in text
    assert lines[-1] in text


@pytest.mark.parametrize(
    ("step", "error", "cause"),
    [
        ("Create Model", "SageMaker.SageMakerException", "Could not find model data at s3://m/x. (Status Code: 400)"),
        ("Pack Model", "PreflightError", '{"errorMessage": "Could not find model data at s3://m/x."}'),
    ],
)
def test_a_training_that_saved_nothing_names_the_folder(stack: Stack, step: str, error: str, cause: str) -> None:
    completed = Job(NAME, "Completed")
    reason = explain_build(stack.service, build(), Ending("FAILED", error, cause, now()), completed, step)
    assert reason.startswith("The training saved no model: its folder SM_MODEL_DIR")
    assert "SageMaker: Could not find model data at s3://m/x." in reason


def test_without_a_log_the_reason_is_that_of_sagemaker_and_the_command(stack: Stack) -> None:
    ending = Ending("FAILED", "States.TaskFailed", "{}", now())
    text = explain_build(
        stack.service.for_pipeline("fraud"), build(), ending, Job(NAME, "Failed", reason=PLAIN), "Train Model"
    )
    assert text == f"{PLAIN}\n\nMore: sagebuild logs 7 --stack sagebuild-test --pipeline fraud"


def test_a_failed_tuning_shows_the_log_of_its_first_failed_training(stack: Stack) -> None:
    write_log(stack, TRAINING_LOGS, "tuning-7-003-ab/algo-1-17", [*TRACEBACK, "ValueError: no rows"])
    job = Job("tuning-7", "Failed", reason="All training jobs failed.", failed_training="tuning-7-003-ab")
    text = explain_build(stack.service, build(), Ending("FAILED", "X", "{}", now()), job, "Tune Model")
    assert text.startswith("The training failed: ValueError: no rows\n\nSageMaker: All training jobs failed.")


@pytest.mark.parametrize(
    ("job", "sentence"),
    [
        (Job(NAME, "Stopped", ran_out_of_time=True), "raise trainmaxrun"),
        (Job(NAME, "Stopped", waited_too_long=True), "raise spotmaxwait"),
        (Job(NAME, "Stopped"), "stopped by someone outside sagebuild"),
    ],
)
def test_a_stopped_training_names_the_limit(stack: Stack, job: Job, sentence: str) -> None:
    assert sentence in explain_build(stack.service, build(), Ending("FAILED", "X", "{}"), job, "Train Model")


def test_voice_says_only_the_summary(stack: Stack) -> None:
    text = explain_training(stack, [*TRACEBACK, "ValueError: no rows"])
    assert str(say_reason(text)) == str(say_reason("The training failed: ValueError: no rows"))


def test_a_failed_image_shows_the_last_lines_of_its_log(stack: Stack) -> None:
    lines = ["#5 [2/2] RUN pip install pandaz", "ERROR: No matching distribution found for pandaz", "exit code: 1"]
    lines += ['ERROR: failed to solve: process "/bin/sh -c pip install pandaz" did not complete: exit code: 1']
    write_log(stack, "images", "one", lines)
    variables = [{"Name": "DOCKERFILE_FOLDER", "Value": "docker"}, {"Name": "IMAGE_TAG", "Value": "build-7-training"}]
    described = {
        "BuildStatus": "FAILED",
        "Environment": {"EnvironmentVariables": variables},
        "Logs": {"GroupName": "images", "StreamName": "one", "DeepLink": f"https://{REGION}.log"},
    }
    ending = Ending("FAILED", "States.TaskFailed", json.dumps({"Build": described}))
    text = explain_build(stack.service, build(), ending, None, "Build Image")
    assert text.startswith("The training image could not be built from docker: ERROR: failed to solve: ")
    assert "  ERROR: No matching distribution found for pandaz" in text
    assert text.endswith("More: sagebuild logs 7 --stack sagebuild-test")


@pytest.mark.parametrize("text", ["\x1b[31mred\x1b[0m \x00 end", "機" * 9000, "a\n" * 9000])
def test_a_reason_is_printable_and_bounded(stack: Stack, text: str) -> None:
    reason = explain_build(stack.service, build(), Ending("FAILED", "X", text), None, "Create Model")
    assert "".join(reason.split("\n")).isprintable()
    assert len(reason) <= 4010
