"""What a training on local/ may be asked for besides: isolation, checkpoints, spot, several instances, channels."""

from typing import Any

import pytest

from tests.engine import Engine
from tests.local.sagemaker_world import TRAINING_LOGS, Trainer, pack

# Says where it begins, writes on at each step, and goes on until it is stopped.
GOES_ON = """
import os, signal, sys, time
from pathlib import Path

def end(*_):
    Path(folder, "part", "last").write_text("stopped")
    sys.exit(0)

signal.signal(signal.SIGTERM, end)
folder = Path(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints")
print("found:", sorted(path.name for path in folder.rglob("*") if path.is_file()), flush=True)
(folder / "part").mkdir(exist_ok=True)
(folder / "part" / "step").write_text("1")
if (folder / "part" / "last").exists():
    sys.exit(0)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def world(engine: Engine) -> Trainer:
    return Trainer(engine)


def channel(name: str, uri: str, **changes: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri} | changes.pop("S3DataSource", {})
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}} | changes


@pytest.mark.parametrize("packed", [True, False])
def test_a_container_without_a_network_has_its_script_from_a_channel_and_no_credentials(
    world: Trainer, packed: bool
) -> None:
    script = "import os; print('credentials:', 'AWS_ACCESS_KEY_ID' in os.environ)"
    source = world.put("isolated/source.tar.gz", pack({"train.py": script}))
    world.put("unpacked/train.py", script)
    uri, place = (source, "code/source.tar.gz") if packed else (f"s3://{world.bucket}/unpacked/", "code")
    name = world.start(
        "raise SystemExit('not this one')",
        HyperParameters={"sagemaker_submit_directory": f'"/opt/ml/input/data/{place}"'},
        InputDataConfig=[channel("code", uri)],
        EnableNetworkIsolation=True,
    )
    job = world.finish(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert "credentials: False" in world.read_logs(TRAINING_LOGS, name)


@pytest.mark.parametrize(
    ("source", "reason"),
    [(None, "a container without a network cannot read s3://"), ('"/opt/ml/input/data/code/none"', "No such file")],
)
def test_a_script_that_the_container_cannot_reach_fails_the_job(
    world: Trainer, source: str | None, reason: str
) -> None:
    given = {"HyperParameters": {"sagemaker_submit_directory": source}} if source else {}
    assert reason in world.finish(world.start("", EnableNetworkIsolation=True, **given))["FailureReason"]


def test_checkpoints_are_kept_while_a_training_runs_and_given_to_the_next(world: Trainer) -> None:
    world.put("kept/old", "0")
    config = {"CheckpointConfig": {"S3Uri": f"s3://{world.bucket}/kept"}}
    name = world.start(GOES_ON, **config)
    world.wait_for_line(name, "found: ['old']")
    world.wait_for_object("kept/part/step")
    world.sagemaker.stop_training_job(TrainingJobName=name)
    assert world.finish(name)["TrainingJobStatus"] == "Stopped"
    assert world.read(f"s3://{world.bucket}/kept/part/last") == b"stopped"
    again = world.start(GOES_ON, **config)
    assert world.finish(again)["TrainingJobStatus"] == "Completed"
    assert "found: ['last', 'old', 'step']" in world.read_logs(TRAINING_LOGS, again)
    assert world.describe(again)["CheckpointConfig"]["S3Uri"] == f"s3://{world.bucket}/kept"


def test_checkpoints_that_cannot_be_read_fail_the_job(world: Trainer) -> None:
    job = world.finish(world.start("", CheckpointConfig={"S3Uri": "s3://no-such-bucket-anywhere/x"}))
    assert "Data download failed: s3://no-such-bucket-anywhere/x" in job["FailureReason"]
