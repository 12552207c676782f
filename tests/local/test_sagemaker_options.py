"""Options of training jobs in local/: isolation, checkpoints, spot, several instances and channels."""

import gzip
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.functions import eventually
from tests.local.sagemaker_world import IMAGE, TRAINING_LOGS, Trainer, pack, unpack

# Prints the step at which it starts, writes a checkpoint at each step, and runs until it is stopped.
RUNS_UNTIL_STOPPED = """
import os, signal, sys, time
from pathlib import Path

def end(*_):
    Path(folder, "part", "last").write_text("stopped")
    sys.exit(0)

signal.signal(signal.SIGTERM, end)
folder = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"), "checkpoints")
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


def augmented(uri: str) -> dict[str, Any]:
    return channel(
        "lines",
        uri,
        S3DataSource={"S3DataType": "AugmentedManifestFile", "AttributeNames": ["source-ref", "label"]},
        RecordWrapperType="RecordIO",
    )


@pytest.mark.parametrize("packed", [True, False])
def test_an_isolated_container_gets_its_script_from_a_channel_and_no_credentials(world: Trainer, packed: bool) -> None:
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
    [
        (None, "a container with network isolation cannot read s3://"),
        ('"/opt/ml/input/data/code/none"', "No such file"),
    ],
)
def test_an_isolated_container_cannot_get_its_script_from_elsewhere(
    world: Trainer, source: str | None, reason: str
) -> None:
    given = {"HyperParameters": {"sagemaker_submit_directory": source}} if source else {}
    assert reason in world.finish(world.start("", EnableNetworkIsolation=True, **given))["FailureReason"]


def test_checkpoints_are_uploaded_during_a_training_and_downloaded_for_the_next(world: Trainer) -> None:
    world.put("kept/old", "0")
    config = {"CheckpointConfig": {"S3Uri": f"s3://{world.bucket}/kept"}}
    name = world.start(RUNS_UNTIL_STOPPED, **config)
    world.wait_for_line(name, "found: ['old']")
    world.wait_for_object("kept/part/step")
    world.sagemaker.stop_training_job(TrainingJobName=name)
    assert world.finish(name)["TrainingJobStatus"] == "Stopped"
    assert world.read(f"s3://{world.bucket}/kept/part/last") == b"stopped"
    again = world.start(RUNS_UNTIL_STOPPED, **config)
    assert world.finish(again)["TrainingJobStatus"] == "Completed"
    assert "found: ['last', 'old', 'step']" in world.read_logs(TRAINING_LOGS, again)
    assert world.describe(again)["CheckpointConfig"]["S3Uri"] == f"s3://{world.bucket}/kept"


def test_unreadable_checkpoints_fail_the_job(world: Trainer) -> None:
    job = world.finish(world.start("", CheckpointConfig={"S3Uri": "s3://no-such-bucket-anywhere/x"}))
    assert "Data download failed: s3://no-such-bucket-anywhere/x" in job["FailureReason"]


def test_a_spot_training_bills_less_time_than_it_takes(world: Trainer) -> None:
    limits = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120}
    name = world.start("import time; time.sleep(3)", EnableManagedSpotTraining=True, StoppingCondition=limits)
    job = world.finish(name)
    assert job["TrainingJobStatus"] == "Completed"
    assert 1 <= job["BillableTimeInSeconds"] < job["TrainingTimeInSeconds"]


TWO = {"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}}
# Each instance prints its data and writes files; of files with the same name the first instance's is taken.
SHARES = """
import json, os
from pathlib import Path

host = os.environ["SM_CURRENT_HOST"]
for name in json.loads(os.environ["SM_CHANNELS"]):
    print(host, name, sorted(os.listdir(os.environ["SM_CHANNEL_" + name.upper()])), flush=True)
print(host, "of", os.environ["SM_HOSTS"], flush=True)
for folder in (os.environ["SM_MODEL_DIR"], os.environ["SM_OUTPUT_DATA_DIR"]):
    Path(folder, "both").write_text(host)
    Path(folder, "own").mkdir()
    Path(folder, "own", host).write_text(host)
"""


def test_instances_share_the_data_and_their_output_becomes_one_model(world: Trainer) -> None:
    for letter in "abcd":
        world.put(f"shared/{letter}", letter)
    uri = f"s3://{world.bucket}/shared/"
    sharded = {"S3DataSource": {"S3DataDistributionType": "ShardedByS3Key"}}
    channels = [
        channel("whole", uri),
        channel("share", uri, **sharded),
        channel("mixed", uri, ShuffleConfig={"Seed": 5}, **sharded),
    ]
    name = world.start(SHARES, InputDataConfig=channels, **TWO)
    job = world.finish(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    lines = {host: world.read_logs(TRAINING_LOGS, f"{name}/{host}-") for host in ("algo-1", "algo-2")}
    for host, share, mixed in (("algo-1", "['a', 'c']", "['a', 'd']"), ("algo-2", "['b', 'd']", "['b', 'c']")):
        assert {f"{host} whole ['a', 'b', 'c', 'd']", f"{host} share {share}", f"{host} mixed {mixed}"} < set(
            lines[host]
        )
        assert f'{host} of ["algo-1","algo-2"]' in lines[host]
    model = job["ModelArtifacts"]["S3ModelArtifacts"]
    expected = {"both": b"algo-1", "own/algo-1": b"algo-1", "own/algo-2": b"algo-2"}
    assert unpack(world.read(model)) == expected
    assert unpack(world.read(model.replace("model.tar.gz", "output.tar.gz"))) == expected


def test_a_failed_instance_fails_the_job_at_once(world: Trainer) -> None:
    script = """
import os, time
if os.environ["SM_CURRENT_HOST"] == "algo-2":
    raise ValueError("no luck on the second")
time.sleep(600)
"""
    job = world.finish(world.start(script, **TWO))
    assert job["TrainingJobStatus"] == "Failed"
    assert "ValueError: no luck on the second" in job["FailureReason"]


def test_a_stop_stops_every_instance(world: Trainer) -> None:
    script = """
import os, signal, sys, time
from pathlib import Path

def save(*_):
    host = os.environ["SM_CURRENT_HOST"]
    time.sleep(0.3 if host == "algo-2" else 0)
    Path(os.environ["SM_MODEL_DIR"], host).touch()
    sys.exit(1)

signal.signal(signal.SIGTERM, save)
print("ready", os.environ["SM_CURRENT_HOST"], flush=True)
time.sleep(600)
"""
    name = world.start(script, **TWO)
    for host in ("algo-1", "algo-2"):
        world.wait_for_line(name, f"ready {host}")
    world.sagemaker.stop_training_job(TrainingJobName=name)
    job = world.finish(name)
    assert job["TrainingJobStatus"] == "Stopped"
    assert set(unpack(world.read(job["ModelArtifacts"]["S3ModelArtifacts"]))) == {"algo-1", "algo-2"}


def test_a_distributed_launcher_is_refused(world: Trainer) -> None:
    job = world.finish(world.start("", HyperParameters={"sagemaker_mpi_enabled": "true"}, **TWO))
    assert "take sagemaker_mpi_enabled out" in job["FailureReason"]


SPOT = {"EnableManagedSpotTraining": True}
RESOURCES = TWO["ResourceConfig"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (SPOT, "Invalid MaxWaitTimeInSeconds"),
        (
            SPOT | {"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}},
            "greater than or equal",
        ),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}}, "needs EnableManagedSpot"),
        ({"ResourceConfig": RESOURCES | {"InstanceCount": 5}}, "at most 4 processes"),
        ({"ResourceConfig": {"InstanceCount": 1}}, "must name an InstanceType"),
        (
            {"ResourceConfig": RESOURCES | {"InstanceType": "ml.g4dn.xlarge", "VolumeKmsKeyId": "k"}},
            "VolumeKmsKeyId is not for ml.g4dn.xlarge",
        ),
        ({"ResourceConfig": RESOURCES | {"SelectedInstanceCount": 1}}, "SelectedInstanceCount of ResourceConfig"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 28 * 86_400 + 1}}, r"at most 2419200 \(28 days\)"),
        ({"InputDataConfig": [augmented("s3://b/x"), augmented("s3://b/y")]}, "channels of a training job must differ"),
        ({"CheckpointConfig": {"S3Uri": "s3://b/x", "LocalPath": "/tmp/kept"}}, "not /tmp/kept"),
        ({"CheckpointConfig": {"S3Uri": "s3://b/x", "LocalPath": "/opt/ml/model"}}, "not /opt/ml/model"),
        (
            {"InputDataConfig": [augmented("s3://b/x") | {"InputMode": "File"}]},
            "RecordWrapperType of channel .* needs the input mode Pipe",
        ),
        ({"ExperimentConfig": {"ExperimentName": "a"}}, "ExperimentConfig of a training job"),
    ],
)
def test_an_invalid_or_unsupported_option_is_refused(world: Trainer, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        world.start("", **changes)


def test_pipe_mode_streams_a_channel_once_per_epoch(world: Trainer) -> None:
    parts = [world.put(f"piped/{letter}", gzip.compress(f"<{letter}>".encode())) for letter in "abc"]
    lines = [json.dumps({"source-ref": parts[0], "label": 7})]
    script = """
import os
for epoch in range(3):
    with open(os.environ["SM_CHANNEL_FLOW"] + f"_{epoch}", "rb") as pipe:
        print(f"epoch {epoch}:", pipe.read().decode(), flush=True)
with open(os.environ["SM_CHANNEL_LINES"] + "_0", "rb") as pipe:
    print("records:", pipe.read()[-12:].hex(), flush=True)
"""
    flow = channel("flow", f"s3://{world.bucket}/piped/", CompressionType="Gzip", ShuffleConfig={"Seed": 1})
    name = world.start(
        script,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "Pipe"},
        InputDataConfig=[flow, augmented(world.put("lines.manifest", "\n".join(lines)))],
    )
    job = world.finish(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    printed = world.read_logs(TRAINING_LOGS, name)
    epochs = [line.partition(": ")[2] for line in printed if line.startswith("epoch")]
    assert [sorted(epoch) for epoch in epochs] == [sorted("<a><b><c>")] * 3
    assert len(set(epochs)) > 1
    # RecordIO's magic number, the length 1, and "7" padded to four bytes.
    assert "records: 0a23d7ce0100000037000000" in printed


def test_a_script_may_stop_reading_an_epoch_early(world: Trainer) -> None:
    script = """
import os
for epoch in range(2):
    with open(os.environ["SM_CHANNEL_FLOW"] + f"_{epoch}") as pipe:
        print("begins with", pipe.read(1), flush=True)
"""
    flow = channel("flow", world.put("large/a", "a" * 500_000), InputMode="Pipe")
    name = world.start(script, InputDataConfig=[flow])
    job = world.finish(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert world.read_logs(TRAINING_LOGS, name).count("begins with a") == 2


def test_an_unreadable_object_in_a_pipe_fails_the_job(world: Trainer) -> None:
    script = """
import os
for epoch in range(2):
    open(os.environ["SM_CHANNEL_FLOW"] + f"_{epoch}").read()
"""
    broken = channel("flow", world.put("broken/a", "no gzip"), CompressionType="Gzip", InputMode="Pipe")
    assert "is not a gzip file" in world.finish(world.start(script, InputDataConfig=[broken]))["FailureReason"]


def test_a_training_that_reads_no_pipe_ends(world: Trainer) -> None:
    flow = channel("flow", world.put("unread/a", "a"), InputMode="Pipe")
    assert world.finish(world.start("", InputDataConfig=[flow]))["TrainingJobStatus"] == "Completed"


def test_a_training_with_a_live_warm_pool_cannot_be_deleted(world: Trainer) -> None:
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    name = world.start("", ResourceConfig=resources | {"KeepAlivePeriodInSeconds": 21600})
    assert world.finish(name)["WarmPoolStatus"] == {"Status": "Available"}
    with pytest.raises(ClientError, match="retains an Available warm pool") as refused:
        world.sagemaker.delete_training_job(TrainingJobName=name)
    assert refused.value.response["Error"]["Code"] == "ResourceInUse"
    world.sagemaker.update_training_job(TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 0})

    def has_ended() -> bool:
        described = world.sagemaker.describe_training_job(TrainingJobName=name)
        return bool(described["WarmPoolStatus"]["Status"] == "Terminated")

    eventually(has_ended)
    world.sagemaker.delete_training_job(TrainingJobName=name)
