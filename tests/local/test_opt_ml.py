"""Programs in local/ find /opt/ml, each its own, or SAGEMAKER_BASE_DIR where this machine does not allow that."""

import json
import os
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.engine import Engine, running_engine
from tests.local.sagemaker_world import IMAGE, TRAINING_LOGS, Host, Processor, Trainer, pack, unpack

# Writes by its container's path, waits for the other job to do the same, and reads.
TRAINS = """
import json, os, pathlib, time
given = json.loads(pathlib.Path("/opt/ml/input/config/hyperparameters.json").read_text())
pathlib.Path("/opt/ml/model/owner").write_text(given["owner"])
print("wrote", os.listdir("/opt/ml/code"), os.getcwd(), "SAGEMAKER_BASE_DIR" in os.environ, flush=True)
print("opt", sorted(set(os.listdir("/opt")) - {"ml"}), flush=True)
time.sleep(0.5)
assert pathlib.Path(os.environ["SM_MODEL_DIR"], "owner").read_text() == given["owner"]
"""
TRAINS_BY_VARIABLE = TRAINS.replace('"/opt/ml/', 'os.environ["SAGEMAKER_BASE_DIR"] + "/')
SERVES = """
import os
def model_fn(model_dir):
    with open("/opt/ml/model/owner") as file:
        return file.read()
def transform_fn(model, body, content_type, accept):
    return f'["{model}", "{os.environ["SM_MODEL_DIR"]}"]', accept
"""
PROCESSES = """
import pathlib
pathlib.Path("/opt/ml/output/message").write_text(pathlib.Path("/opt/ml/processing/data/a.txt").read_text())
"""


@dataclass(frozen=True)
class Machine:
    """An engine, and whether its programs find /opt/ml."""

    engine: Engine
    finds_opt_ml: bool


@pytest.fixture(scope="module", params=["this machine", "a machine without user namespaces"])
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if request.param == "this machine":
        engine: Engine = request.getfixturevalue("engine")
        yield Machine(engine, read_health(engine))
        return
    folder = tmp_path_factory.mktemp("machine")
    (folder / "unshare").write_text("#!/bin/sh\necho unshare: Operation not permitted >&2\nexit 1\n")
    (folder / "unshare").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        with running_engine(folder / "data") as engine:
            assert not read_health(engine)
            assert engine.process.stdout is not None
            lines = [engine.process.stdout.readline() for _ in range(4)]
            assert lines[3].strip() == (
                "programs find SAGEMAKER_BASE_DIR instead of /opt/ml: unshare: Operation not permitted"
            )
            yield Machine(engine, False)


def read_health(engine: Engine) -> bool:
    with urllib.request.urlopen(f"{engine.endpoint_url}/_local/health", timeout=10) as answer:
        return bool(json.loads(answer.read())["opt_ml"])


def test_parallel_jobs_have_a_folder_each(machine: Machine) -> None:
    world = Trainer(machine.engine)
    script = TRAINS if machine.finds_opt_ml else TRAINS_BY_VARIABLE
    names = {owner: world.start(script, HyperParameters={"owner": owner}) for owner in ("one", "two")}
    for owner, name in names.items():
        job = world.finish(name)
        assert job["TrainingJobStatus"] == "Completed", job
        assert unpack(world.read(job["ModelArtifacts"]["S3ModelArtifacts"])) == {"owner": owner.encode()}
        lines = world.read_logs(TRAINING_LOGS, name)
        assert f"opt {sorted({path.name for path in Path('/opt').iterdir()} - {'ml'})}" in lines, "the others stay"
        (line,) = [line for line in lines if line.startswith("wrote")]
        if machine.finds_opt_ml:
            assert line == "wrote ['train.py'] /opt/ml/code False"
        else:
            assert line.endswith("/algo-1/code True")


def test_a_training_that_names_opt_ml_fails_only_without_it(machine: Machine) -> None:
    world = Trainer(machine.engine)
    job = world.finish(world.start(TRAINS, HyperParameters={"owner": "one"}))
    assert (job["TrainingJobStatus"] == "Completed") == machine.finds_opt_ml
    assert machine.finds_opt_ml or "No such file or directory: '/opt/ml/" in job["FailureReason"]


def test_a_processing_script_may_name_opt_ml_in_both_cases(machine: Machine) -> None:
    world = Processor(machine.engine)
    data = world.processing_input("data", world.put("a.txt", "read"))
    job = world.finish(world.start(PROCESSES, ProcessingInputs=[data]))
    assert (job["ProcessingJobStatus"], job.get("ExitMessage")) == ("Completed", "read"), job


def test_a_serving_script_may_name_opt_ml(machine: Machine) -> None:
    host = Host(machine.engine)
    script = SERVES if machine.finds_opt_ml else SERVES.replace('"/opt/ml/model/owner"', 'model_dir + "/owner"')
    archive = host.put("model.tar.gz", pack({"owner": "me", "code/serve.py": script}))
    endpoint = host.begin(host.configure(main=host.model("", Image=IMAGE, ModelDataUrl=archive)))
    described = host.settle(endpoint)
    assert described["EndpointStatus"] == "InService", described
    owner, place = host.invoke_json(endpoint, {})
    assert owner == "me"
    assert (place == "/opt/ml/model") == machine.finds_opt_ml
    host.sagemaker.delete_endpoint(EndpointName=endpoint)
