"""The command line on the deployed service, through its real entry point: its output and its exit codes."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import Ended, run_command
from tests.e2e.stack import NAME, DeployedStack, wait_until
from tests.engine import ROOT

COMMAND = [sys.executable, "-m", "sagebuild"]
DIGIT = ",".join(["0"] * 64)

# Commands that change nothing.
READING: dict[str, list[str]] = {
    "help": ["--help"],
    "status": ["status"],
    "status in JSON": ["status", "--json"],
    "builds": ["builds", "-n", "3"],
    "builds in JSON": ["builds", "--json", "--limit", "1"],
    "show": ["show"],
    "show in JSON": ["show", "--json"],
    "compare": ["compare", "--json", "BUILD", "BUILD"],
    "cost": ["cost"],
    "cost in JSON": ["cost", "BUILD", "--json"],
    "cost of the next build": ["cost", "--next"],
    "logs": ["logs", "BUILD"],
    "logs in JSON": ["logs", "--json", "--follow"],
    "watch": ["watch"],
    "watch in JSON": ["watch", "--json"],
    "params get": ["params", "get", "metrics"],
    "params diff": ["params", "diff", "--build", "BUILD"],
    "params diff in JSON": ["params", "diff", "--defaults", "--json"],
    "params history in JSON": ["params", "history", "--json"],
    "pipelines in JSON": ["pipelines", "--json"],
    "predict": ["predict", "--data", json.dumps([[0] * 64])],
    "say": ["say", "is it done yet"],
    "say in JSON": ["say", "is it done yet", "--json"],
    "doctor": ["doctor"],
    "doctor in JSON": ["doctor", "--json"],
}

# Commands that are refused: the exit code, and a part of the message.
REFUSED: dict[str, tuple[list[str], int, str]] = {
    "no such command": (["built"], 2, "No such command"),
    "a build that is not there": (["show", "9999"], 1, f"There is no build 9999 in {NAME}."),
    "a number that is none": (["watch", "two"], 2, "Invalid value for"),
    "a misspelt parameter of one build": (["start", "--set", "trainvolumesiz=3"], 1, "did you mean 'trainvolumesize'?"),
    "a parameter of one build without a value": (["start", "--set", "spot"], 1, "it must be NAME=VALUE"),
    "a rollback as a parameter": (["start", "--set", "rollback=1"], 1, "rollback is not a parameter"),
    "a rollback to nowhere": (["rollback", "soon"], 1, 'it must be "previous" or the number of a build'),
    "a rollback to a build that is not there": (["rollback", "9999"], 1, "There is no build 9999"),
    "a rollback to what is live": (["rollback", "BUILD", "--watch"], 1, "Build BUILD is live already"),
    "nothing to approve": (["approve"], 1, "No build waits for an answer."),
    "nothing to reject": (["reject", "--yes"], 1, "No build waits for an answer."),
    "a build that asks nothing": (["approve", "BUILD", "--yes"], 1, "Build BUILD has ended and needs no approval."),
    "an answer for a build that is not there": (["reject", "9999"], 1, "There is no build 9999"),
    "nothing to stop": (["stop"], 1, "No build is running"),
    "too few builds to compare": (["compare", "1"], 2, "Missing argument"),
    "the cost of two builds": (["cost", "BUILD", "--next"], 1, "pass only one"),
    "logs of a build that is not there": (["logs", "9999"], 1, "There is no build 9999"),
    "too many builds to list": (["builds", "-n", "0"], 2, "Invalid value for"),
    "a parameter that is not there": (["params", "get", "nonsense"], 1, "'nonsense' is not a parameter of SCIKIT"),
    "a misspelt parameter": (["params", "set", "trainvolumesiz=3"], 1, "did you mean 'trainvolumesize'?"),
    "no assignment": (["params", "set", "trainvolumesize"], 1, "it must be NAME=VALUE"),
    "to remove what is not there": (["params", "set", "--remove", "spot"], 1, "spot is not in the document"),
    "a version that is not there": (["params", "undo", "9999"], 1, "There is no version 9999"),
    "a reset without confirmation": (["params", "reset"], 1, "pass --yes to confirm"),
    "to edit without a terminal": (["params", "edit"], 1, "Use 'sagebuild params set NAME=VALUE'"),
    "a file that is not there": (["params", "replace", "absent.json"], 1, "absent.json cannot be read: No such file"),
    "no question": (["predict"], 1, "Pass one request"),
    "a question that is not there": (["predict", "absent.csv"], 1, "absent.csv cannot be read"),
    "a question of the wrong size": (["predict", "--data", "[[1, 2]]"], 1, "expecting 64 features"),
    "a model that is no archive": (["upload", "model", "README.md"], 1, "is not a tar archive compressed with gzip"),
    "no data": (["upload", "data", "absent"], 1, "No such file or folder: absent"),
    "no source": (["upload", "source", "docs"], 1, "docs contains no Python file"),
    "another stack": (["builds", "--stack", "other"], 1, f"choose one of {NAME}"),
    "another region": (["start", "--region", "eu-west-1"], 1, f"There is no stack {NAME} in eu-west-1"),
    "an unknown profile": (["status", "--profile", "absent"], 1, "aws configure list-profiles"),
}


def run(stack: DeployedStack, *arguments: str, question: str = "", **environment: str) -> Ended:
    """``sagebuild ...`` in a pipe."""
    variables = stack.engine.environment | {"EDITOR": "/absent/editor", "VISUAL": "", **environment}
    return run_command(*arguments, environment=variables, question=question)


def run_in_terminal(stack: DeployedStack, *arguments: str, typed: str = "", **environment: str) -> tuple[int, str]:
    """``sagebuild ...`` in a pseudo-terminal: its exit code, and all that was drawn."""
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    variables = stack.engine.environment | {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40", **environment}
    process = subprocess.Popen([*COMMAND, *arguments], cwd=ROOT, env=variables, stdin=theirs, stdout=theirs)
    os.close(theirs)
    drawn, deadline = b"", time.monotonic() + 180
    while time.monotonic() < deadline:
        try:
            drawn += os.read(ours, 65536) if select.select([ours], [], [], 1)[0] else b""
        except OSError:  # it has closed its side
            break
    os.close(ours)
    return process.wait(10), drawn.decode()


def watching(stack: DeployedStack, *arguments: str) -> "subprocess.Popen[str]":
    """``sagebuild ...`` in a process of its own, read while it runs."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=stack.engine.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # shells ignore it in the background
    )


@pytest.fixture(scope="module")
def drawn(deployed: DeployedStack) -> str:
    """The terminal's screen while a build ran."""
    deployed.set_parameters(hyperparameters={"trouble": "slow"})  # or the training ends between two polls
    code, drawn = run_in_terminal(deployed, "start", "--watch")
    deployed.set_parameters(hyperparameters={"trouble": "none"})
    assert code == 0, drawn
    return drawn


@pytest.fixture(scope="module")
def build(deployed: DeployedStack, drawn: str) -> int:
    """The number of that build."""
    assert "succeeded" in drawn
    return deployed.last_number()


@pytest.fixture(scope="module")
def answers(deployed: DeployedStack, build: int) -> dict[str, Ended]:
    """The results of all commands that read or are refused."""
    asked = READING | {name: arguments for name, (arguments, _, _) in REFUSED.items()}
    return {
        name: run(deployed, *(one.replace("BUILD", str(build)) for one in arguments))
        for name, arguments in asked.items()
    }


def test_watch_draws_the_steps_with_their_times_and_the_metrics(drawn: str, build: int) -> None:
    assert f"Build {build} has started." in drawn
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn)
    assert re.search(r"◐ +Train Model +\d+\.\d s +running", text)
    assert re.search(r"○ +Create Model +waiting", text)
    assert re.search(r"● +Train Model +\d+\.\d s +done", text)
    assert re.search(r"accuracy +[▁-█]+ +0\.9", text)
    assert re.search(rf"Build {build} succeeded after \d+ seconds?\.", text)
    assert re.search(rf"live now +{NAME} is InService and serves the model of build {build}\b", text)
    assert "Tune Model" not in text, "the plan has no such step"
    assert "\x1b[32m" in drawn  # green


def test_no_color_disables_colours(deployed: DeployedStack, build: int) -> None:
    code, drawn = run_in_terminal(deployed, "watch", str(build), NO_COLOR="1")
    assert code == 0
    assert "Train Model" in drawn
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", drawn)


@pytest.mark.parametrize("name", READING)
def test_a_reading_command_succeeds_without_colours_in_a_pipe(answers: dict[str, Ended], name: str) -> None:
    ended = answers[name]
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout
    assert "\x1b" not in ended.stdout


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_command_is_refused_in_a_sentence(answers: dict[str, Ended], build: int, name: str) -> None:
    _, code, sentence = REFUSED[name]
    ended = answers[name]
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ""
    assert sentence.replace("BUILD", str(build)) in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr


def test_the_status_shows_the_newest_build(answers: dict[str, Ended], build: int) -> None:
    assert f"Build {build} succeeded after" in answers["status"].stdout
    assert f"Endpoint {NAME}: InService, serves " in answers["status"].stdout
    result = json.loads(answers["status in JSON"].stdout)
    assert (result["build"]["number"], result["build"]["status"], result["waiting"]) == (build, "succeeded", False)
    assert result["endpoint"]["status"] == "InService"
    assert re.search(rf"^{build} +succeeded .* accuracy 0\.9", answers["builds"].stdout, re.MULTILINE)
    assert [one["number"] for one in json.loads(answers["builds in JSON"].stdout)] == [build]


def test_a_build_is_shown_whole(answers: dict[str, Ended], build: int) -> None:
    assert re.search(rf"^build +{build}\n", answers["show"].stdout)
    assert re.search(r"● +Create Model +\d+\.\d s +done", answers["show"].stdout)
    result = json.loads(answers["show in JSON"].stdout)
    assert result["parameters"]["hyperparameters"] == {"trouble": "slow"}
    assert result["overrides"] is None
    assert {step["name"]: step["state"] for step in result["steps"]}["Train Model"] == "done"
    assert result["curves"]["accuracy"][-1] == result["metrics"]["accuracy"]
    assert json.loads(answers["compare"].stdout)["parameters"] == []


@pytest.mark.parametrize("name", [name for name, arguments in READING.items() if "--json" in arguments])
def test_json_contains_no_text_of_json_and_no_internals(answers: dict[str, Ended], name: str) -> None:
    text = answers[name].stdout
    is_lines = text.startswith("{") and "\n{" in text
    for value in [json.loads(line) for line in text.splitlines()] if is_lines else [json.loads(text)]:
        for key, inner in walk(value):
            assert not re.search("token|claim|notified|version$|session", key), key
            assert not (isinstance(inner, str) and inner[:1] in ("{", "[") and inner[-1:] in ("}", "]")), (key, inner)


def walk(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Each value in a JSON value, with the name of the member that holds it."""
    if name == "inputs":  # the versions of data and source are for users
        return
    yield name, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, "" if name in ("document", "parameters") else key)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner, name)


def test_the_cost_is_estimated_before_and_after(answers: dict[str, Ended], build: int) -> None:
    assert re.match(rf"Build {build}: (about|less than) \$0\.\d\d for training \(at most \$\d", answers["cost"].stdout)
    result = json.loads(answers["cost in JSON"].stdout)
    assert (result["build"], 0 < result["spent"] < result["maximum"]) == (build, True)
    assert re.match(r"The next build: at most \$\d+\.\d\d for training; ", answers["cost of the next build"].stdout)


def test_the_shell_completes_the_numbers_of_builds(deployed: DeployedStack, build: int) -> None:
    asked = {"_SAGEBUILD_COMPLETE": "complete_bash", "COMP_WORDS": "sagebuild show ", "COMP_CWORD": "2"}
    assert str(build) in run(deployed, **asked).stdout.split()
    ended = run(deployed, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", HOME="/absent", **asked)
    assert (ended.stdout.split(), ended.stderr) == ([], "")


def test_logs_are_merged_in_time(answers: dict[str, Ended]) -> None:
    assert re.search(r"^\d\d:\d\d:\d\d training/algo-1 +trouble: slow$", answers["logs"].stdout, re.MULTILINE)
    lines = [json.loads(line) for line in answers["logs in JSON"].stdout.splitlines()]
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    assert any(line["source"] == "training" and line["text"].startswith("accuracy=") for line in lines)


def test_watch_in_a_pipe_prints_each_line_once(answers: dict[str, Ended], build: int) -> None:
    lines = answers["watch"].stdout.splitlines()
    assert len(lines) == len(set(lines))
    events = [line for line in lines if re.match(r"\d\d:\d\d:\d\d ", line)]
    assert any(line[9:].startswith("Train Model: done (") for line in events)
    assert events[-1][9:].startswith(f"Build {build} succeeded after")
    summary = [line.split()[0] for line in lines[len(events) :]]
    assert summary == ["metrics", "cost", "live", "next"], lines
    *steps, last = [json.loads(line) for line in answers["watch in JSON"].stdout.splitlines()]
    assert "Train Model" in [one["step"]["name"] for one in steps]
    assert last["build"]["status"] == "succeeded"


def test_the_endpoint_answers(deployed: DeployedStack, answers: dict[str, Ended], tmp_path: Path) -> None:
    file = tmp_path / "digits.csv"
    file.write_text(f"{DIGIT}\n{DIGIT}\n")
    answer = json.loads(answers["predict"].stdout)
    assert json.loads(run(deployed, "predict", str(file)).stdout) == [*answer, *answer]
    assert json.loads(run(deployed, "predict", "-", question=f"{DIGIT}\n{DIGIT}\n").stdout) == [*answer, *answer]


def test_a_build_with_parameters_of_its_own_is_approved_and_rolled_back(deployed: DeployedStack, build: int) -> None:
    before, number = read_document(deployed), build + 1
    began = run(deployed, "start", "--set", "approval=manual", "--set", "hyperparameters.trouble=little")
    assert (began.returncode, began.stdout) == (0, f"Build {number} has started. 'sagebuild watch' shows it.\n")
    assert read_document(deployed) == before
    wait_until(lambda: deployed.record(number).get("approval_requested_at"))
    result = run(deployed, "status").stdout
    assert f"Build {number} asks whether to deploy its model: accuracy 0.9" in result
    assert f"Yes: sagebuild approve {number}. No: sagebuild reject {number}." in result
    refused = run(deployed, "approve")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "This answer deploys its model; pass --yes to confirm." in refused.stderr
    code, drawn = run_in_terminal(deployed, "approve", "--comment", "as good as ever", "--watch", typed="y\n")
    assert code == 0, drawn
    assert "live now: accuracy 0.9" in drawn
    assert "Deploy it? [y/N]:" in drawn
    assert f"Build {number} is approved." in drawn
    shown = run(deployed, "show").stdout
    assert re.search(r'^overrides +\{"approval": "manual", "hyperparameters": ', shown, re.MULTILINE)
    assert re.search(r"^approval +approved by \S+ \(command\): as good as ever$", shown, re.MULTILINE)

    back = run(deployed, "rollback", "--watch")
    assert (back.returncode, back.stderr) == (0, "")
    assert back.stdout.splitlines()[0] == f"Build {number + 1} has started: a rollback to build {build}."
    assert "Update Endpoint: done (" in back.stdout
    assert f"Build {number + 1}, a rollback to build {build}, succeeded after" in back.stdout
    assert deployed.record(number + 1)["live_after"] == deployed.record(build)["live_after"]


def test_a_build_that_is_rejected_leaves_the_endpoint_alone(deployed: DeployedStack, build: int) -> None:
    live = deployed.live_config()
    with watching(deployed, "start", "--watch", "--json", "--set", "approval=manual") as process:
        assert process.stdout
        wait_until(lambda: "awaits_approval" in process.stdout.readline())  # type: ignore[union-attr]
        number = deployed.last_number()
        assert number > build
        answer = run(deployed, "reject", str(number), "--yes", "--json", "-m", "not today")
        assert json.loads(answer.stdout)["approval"] == "rejected"
        last = process.communicate(timeout=300)[0].splitlines()[-1]
    assert process.returncode == 3
    result = json.loads(last)["build"]
    assert (result["status"], "not today" in result["reason"]) == ("withheld", True)
    assert deployed.live_config() == live
    late = run(deployed, "approve", str(number), "--yes")
    assert (late.returncode, f"Build {number} was already rejected by" in late.stderr) == (1, True)


def test_the_doctor_finds_nothing(answers: dict[str, Ended]) -> None:
    result = json.loads(answers["doctor in JSON"].stdout)
    assert {finding["state"] for finding in result} == {"ok"}
    subjects = {finding["subject"] for finding in result}
    assert subjects >= {"credentials", "stack", "roles", "parameters", "images", "data", "quotas", "endpoint"}


def test_the_doctor_names_what_is_missing(deployed: DeployedStack, build: int) -> None:
    assert build
    deployed.set_parameters(trainsourcefile="absent.tar.gz")
    ended = run(deployed, "doctor")
    assert ended.returncode == 1
    assert re.search(r"^✗ data .*absent\.tar\.gz.*", ended.stdout, re.MULTILINE)


def test_a_missing_script_uses_no_build_number(deployed: DeployedStack, build: int) -> None:
    deployed.set_parameters(trainsourcefile="absent.tar.gz")
    before = deployed.last_number()
    assert before >= build
    refused = run(deployed, "start", "--watch")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "sagebuild: No build was started, because its checks found an error.\ndata: " in refused.stderr
    assert "absent.tar.gz, which does not exist" in refused.stderr
    assert deployed.last_number() == before


def test_in_a_narrow_terminal_the_reason_is_shown_whole(deployed: DeployedStack, build: int) -> None:
    deployed.set_parameters(trainsourcefile="absent.tar.gz")
    narrow = {"COLUMNS": "60", "LINES": "24", "NO_COLOR": "1", "PYTHONIOENCODING": "ascii"}
    code, drawn = run_in_terminal(deployed, "start", "--no-check", "--watch", **narrow)
    assert (code, deployed.last_number() > build) == (1, True)
    assert drawn.isascii()
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", drawn)
    lines = [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn).splitlines()]
    assert max(map(len, lines)) <= 60
    end = "".join(lines[-24:])
    assert "absent.tar.gz" in end
    assert "live now" in end
    assert "x  Plan Build" in drawn


def test_the_error_without_credentials_is_one_helpful_sentence(stack: DeployedStack) -> None:
    no_credentials = {
        "AWS_ACCESS_KEY_ID": "",
        "AWS_SECRET_ACCESS_KEY": "",
        "HOME": "/absent",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    ended = run(stack, "builds", **no_credentials)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("sagebuild: There are no AWS credentials: run 'aws configure'")
    assert ended.stderr.count("\n") == 1
    error = json.loads(run(stack, "builds", "--json", **no_credentials).stderr)["error"]
    assert error["type"] == "CredentialsError"


def test_parameters_are_set_compared_edited_reset_and_undone(
    stack: DeployedStack, capfd: pytest.CaptureFixture[str]
) -> None:
    before = read_document(stack)
    ended = run(stack, "params", "set", "hyperparameters.epochs=3", "trainvolumesize=12", "--remove", "metrics")
    assert ended.stdout.splitlines()[1:] == ['+ hyperparameters: {"epochs": 3}', "+ trainvolumesize: 12"]
    assert ended.stdout.startswith("- metrics: ")
    assert read_document(stack)["hyperparameters"] == {"epochs": 3}
    code, drawn = run_in_terminal(stack, "params", "edit", EDITOR="sed -i s/12/13/")
    assert (code, "trainvolumesize: 12 -> 13" in drawn) == (0, True)
    assert run(stack, "params", "diff").stdout == "~ trainvolumesize: 12 -> 13\n"
    change = {"name": "trainvolumesize", "before": 12, "after": 13}
    assert json.loads(run(stack, "params", "history", "--json").stdout)[0]["changes"] == [change]
    assert run(stack, "params", "reset", "--yes").returncode == 0
    assert read_document(stack)["trainvolumesize"] == 10
    assert run(stack, "params", "undo").returncode == 0
    assert read_document(stack)["trainvolumesize"] == 13
    refused = json.dumps(read_document(stack) | {"trainvolumesize": "none"})
    assert run(stack, "params", "replace", "-", question=refused).returncode == 1
    for editor, sentence in (("/absent/editor", "set EDITOR to another"), ("", "No editor is chosen: set EDITOR")):
        code, _ = run_in_terminal(stack, "params", "edit", EDITOR=editor)
        assert (code, sentence in capfd.readouterr().err) == (1, True)
    assert read_document(stack)["trainvolumesize"] == 13
    assert before["metrics"]


def test_data_and_source_are_uploaded(stack: DeployedStack, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print('hello')\n")
    (tmp_path / ".secret").write_text("not for others")
    result = json.loads(run(stack, "upload", "source", str(tmp_path), "--name", "mine.tar.gz", "--json").stdout)
    assert (result["name"], result["files"], result["parameters"]) == (
        "mine.tar.gz",
        1,
        {"trainsourcefile": "mine.tar.gz"},
    )
    assert result["skipped"] == [{"name": ".secret", "reason": "hidden"}]
    data = tmp_path / "digits.csv"
    data.write_text("1,2\n")
    bucket = stack.outputs["DataBucket"]
    printed = run(stack, "upload", "data", str(data), "--prefix", "aside").stdout
    assert printed == f"s3://{bucket}/aside/digits.csv\nUploaded 1 file, 4 bytes.\n"
    model = run(stack, "upload", "model", str(tmp_path), "--name", "mine").stdout
    assert re.search(r"'sagebuild params set ModelArtifacts=s3://\S+/models/mine-\w+\.tar\.gz skiptrain=true'", model)
    assert "Left out (hidden): .secret" in model
    assert stack.client("s3").get_object(Bucket=bucket, Key="aside/digits.csv")["Body"].read() == b"1,2\n"


def test_ctrl_c_leaves_the_build_running_and_stop_stops_it(stack: DeployedStack) -> None:
    stack.set_parameters(hyperparameters={"trouble": "endless"})
    number = json.loads(run(stack, "start", "--json").stdout)["number"]
    with watching(stack, "watch") as process:
        assert process.stdout
        wait_until(lambda: "Train Model: running" in process.stdout.readline())  # type: ignore[union-attr]
        process.send_signal(signal.SIGINT)
        _, message = process.communicate(timeout=300)
    assert f"Build {number} is still running. 'sagebuild watch {number}'" in message
    assert process.returncode == 130
    job = stack.wait_for_training(number)
    assert run(stack, "start").stdout.startswith(f"Build {number + 1} waits for the running build to end")
    assert json.loads(run(stack, "status", "--json").stdout)["waiting"] is True
    refused = run(stack, "rollback")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"Build {number} is running, and a rollback is not queued behind a build" in refused.stderr
    stack.set_parameters(trainvolumesiz=1)  # what waits fails at once
    stopped = json.loads(run(stack, "stop", "--json").stdout)
    assert (stopped["number"], stopped["job_status"], stopped["confirmed"]) == (number, "Stopped", True)
    assert stack.describe_job(job)["TrainingJobStatus"] == "Stopped"
    assert stack.finish(number)["reason"] == "Stopped by command."
    ended = run(stack, "watch", str(number))
    assert ended.returncode == 1
    assert "Train Model: stopped (" in ended.stdout
    stack.finish(number + 1)


def read_document(stack: DeployedStack) -> dict[str, Any]:
    """The parameter document."""
    answer = stack.client("ssm").get_parameter(Name=stack.outputs["ParametersName"])
    document: dict[str, Any] = json.loads(answer["Parameter"]["Value"])
    return document
