"""`sagebuild run` trains and serves a project on this machine, in the contract of SageMaker's containers."""

import json
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import sagebuild
from sagebuild.container import opt_ml
from sagebuild.project.file import FILE
from tests.command_line import Ended, run_command
from tests.functional.conftest import STACK, Stack, client
from tests.functional.records import write_record
from tests.functional.served_stack import OPTIONS, environment, serving_stack
from tests.ready_pipelines import FOLDER, ReadyPipeline, read_answer


def run(folder: Path, *options: str) -> Ended:
    return run_command("run", str(folder), *options, environment={"HOME": "/", "PATH": "/usr/bin:/bin"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER / "digits", tmp_path / "digits"))


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[int]:
    """A process of its own that trains a copy of the ready pipeline and serves its model; its port."""
    folder = tmp_path / "mine"
    assert run_command("init", "digits", str(folder), environment={"HOME": "/"}).returncode == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "sagebuild", "run", str(folder), "--serve", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert any("/invocations" in line for line in process.stdout), "it serves after the training"
        yield port
    finally:
        process.terminate()
        assert process.wait(30) == 0
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # ended connections still hold the port
        taken.bind(("127.0.0.1", port))  # the endpoint has ended, too


def test_a_model_is_trained_and_served_without_a_stack(endpoint: int) -> None:
    pipeline = ReadyPipeline(FOLDER / "digits")
    request = pipeline.expectation.request
    assert request
    address = f"http://127.0.0.1:{endpoint}/invocations"
    headers = {"Content-Type": request.contenttype, "Accept": request.accept}
    with urllib.request.urlopen(urllib.request.Request(address, request.body.encode(), headers)) as response:
        answer = read_answer(response.read())
    assert pipeline.expectation.accepts(answer)


def test_the_script_gets_hyperparameters_channels_and_a_place_for_the_model(folder: Path) -> None:
    text = (folder / FILE).read_text(encoding="utf-8")
    (folder / FILE).write_text(text.replace("source:", "  hyperparameters: {depth: 3}\nsource:"), encoding="utf-8")
    script = """import os, sys
from pathlib import Path
print(sys.argv[1:], sorted(os.listdir(os.environ["SM_CHANNEL_TRAINING"])), "HOME" in os.environ)
print("accuracy=0.25")
place = Path(os.environ["SM_MODEL_DIR"]).parent
print("place", "/opt/ml" if place == Path("/opt/ml") else os.environ["SAGEMAKER_BASE_DIR"] == str(place))
Path(os.environ["SM_MODEL_DIR"], "model").write_text("1")
"""
    (folder / "src" / "train.py").write_text(script, encoding="utf-8")
    ended = run(folder, "--json")
    assert f"place {True if opt_ml.explain_absence() else '/opt/ml'}" in ended.stderr
    assert (ended.returncode, json.loads(ended.stdout)["metrics"]) == (0, {"accuracy": 0.25})
    assert "['--depth', '3'] ['train.csv'] True" in ended.stderr
    assert (folder / ".sagebuild" / "run" / "model" / "model").read_text() == "1"
    assert (folder / ".sagebuild" / ".gitignore").read_text() == "*\n"


def test_python_gets_the_lines_the_metrics_and_the_model(folder: Path) -> None:
    lines: list[str] = []
    run = sagebuild.Project(folder).run(lines.append)
    assert run.metrics["accuracy"] > 0.9
    assert any(line.endswith(f"accuracy={run.metrics['accuracy']:.4f}") for line in lines)
    assert list(run.model.iterdir())


@pytest.mark.parametrize(("script", "words"), [
    ("raise ValueError('no such column')", "ValueError: no such column"),
    ("import sys; sys.exit(3)", "ExitCode 3"),
    ("print(1)", "The script saved no model"),
])  # fmt: skip
def test_a_failure_is_reported_with_its_reason(folder: Path, script: str, words: str) -> None:
    (folder / "src" / "train.py").write_text(script, encoding="utf-8")
    ended = run(folder)
    assert ended.returncode == 1
    assert words in ended.stderr


def test_a_model_that_cannot_be_served_ends_the_command_with_a_reason(folder: Path) -> None:
    script = (folder / "src" / "train.py").read_text(encoding="utf-8")
    (folder / "src" / "train.py").write_text(script.replace("def model_fn", "def load"), encoding="utf-8")
    ended = run(folder, "--serve")
    assert ended.returncode == 1
    assert "The model cannot be served; the lines above say why." in ended.stderr


@pytest.mark.parametrize(("before", "after", "words"), [
    ("train.py\n", "absent.py\n", "source has no file absent.py"),
    ("data:\n", "", "no data for the channel training"),
    ("  framework: SCIKIT\n  frameworkversion: \"1.9-0\"", "  framework: CHAINER", "cannot run here"),
    ("  framework: SCIKIT\n  frameworkversion: \"1.9-0\"",
     "  framework: MXNET\n  mxnetversion: \"1.9.0\"\n  pyversion: py38", "which this Python lacks"),
])  # fmt: skip
def test_what_cannot_run_here_is_refused(folder: Path, before: str, after: str, words: str) -> None:
    text = (folder / FILE).read_text(encoding="utf-8")
    assert before in text
    changed = text.partition("data:")[0] if not after else text.replace(before, after)
    (folder / FILE).write_text(changed, encoding="utf-8")
    ended = run(folder)
    assert ended.returncode == 1
    assert words in ended.stderr


def make_live(stack: Stack, number: int) -> None:
    """The endpoint serves what a build made."""
    (described,) = client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    sagemaker, name = client("sagemaker"), f"{STACK}-{described['StackId'].rpartition('/')[2][:8]}-{number}"
    role = stack.settings["HOSTING_ROLE_ARN"]
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"Image": "a"})
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=STACK, EndpointConfigName=name)


def test_the_metrics_are_compared_with_those_of_the_live_model(folder: Path, stack: Stack) -> None:
    script = """import os
from pathlib import Path
print("accuracy=0.97")
print("loss=0.5")
Path(os.environ["SM_MODEL_DIR"], "model").write_text("1")
"""
    (folder / "src" / "train.py").write_text(script, encoding="utf-8")
    text = (folder / FILE).read_text(encoding="utf-8").partition("  metrics:")[0]
    metrics = [{"Name": name, "Regex": f"{name}=([0-9.]+)"} for name in ("accuracy", "loss")]
    data = "source: src\ndata:\n  training: {path: data/train.csv, script: make_data.py}\n"
    (folder / FILE).write_text(f"{text}  metrics: {json.dumps(metrics)}\n{data}", encoding="utf-8")
    write_record(stack, 3, metrics={"accuracy": 0.95, "auc": 0.9})

    with serving_stack(stack) as address:

        def compare(*options: str) -> Ended:
            given = environment(address) | {"HOME": "/", "PATH": "/usr/bin:/bin"}
            ended = run_command("run", str(folder), "--compare", *OPTIONS, *options, environment=given)
            assert ended.returncode == 0, ended.stderr
            return ended

        assert compare().stdout.endswith("No model of a build is live.\naccuracy: 0.97\nloss: 0.5\n")
        make_live(stack, 3)
        printed = compare().stdout
        assert printed.endswith(
            "accuracy: 0.97 (live, build 3: 0.95, +0.02)\nloss: 0.5 (live, build 3: not measured)\n"
        ), printed
        assert json.loads(compare("--json").stdout)["live"] == {"build": 3, "metrics": {"accuracy": 0.95, "auc": 0.9}}


def test_a_project_without_a_script_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FOLDER / "bring-your-own-container", tmp_path / "own"))
    assert "Framework BYOD runs no script" in run(folder).stderr
