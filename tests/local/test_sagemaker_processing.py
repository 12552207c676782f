"""Processing jobs in local/ run scripts in the folders of /opt/ml/processing, and report their results as on AWS."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.sagemaker_world import PROCESSING_LOGS, Processor

# The paths are literals, as in scripts that run on AWS.
SPLIT = """
import argparse, json, os, pathlib
import helper

parser = argparse.ArgumentParser()
parser.add_argument("--share", type=float)
parser.add_argument("--into")
given = parser.parse_args()
base = "/opt/ml/processing"
rows = pathlib.Path(f"{base}/raw/part/table.csv").read_text().splitlines()
cut = int(len(rows) * given.share)
with open("/opt/ml/processing/train/train.csv", "w") as file:
    file.write("\\n".join(rows[:cut]))
pathlib.Path(given.into, "rest.csv").write_text("\\n".join(rows[cut:]))
os.symlink(given.into + "/rest.csv", given.into + "/link.csv")
config = json.load(open("/opt/ml/config/processingjobconfig.json"))
hosts = json.load(open("/opt/ml/config/resourceconfig.json"))
seen = {"config": config, "hosts": hosts, "colour": os.environ["COLOUR"], "help": helper.place()}
os.makedirs("/opt/ml/processing/seen/deep")
json.dump(seen, open("/opt/ml/processing/seen/deep/seen.json", "w"))
open("/opt/ml/output/message", "w").write("split into %d and %d" % (cut, len(rows) - cut))
print("done at 's3://bucket/opt/ml/x'")
"""

TRAPS_SIGINT = """
import pathlib, time
print("ready", flush=True)
try:
    time.sleep(600)
except KeyboardInterrupt:
    pathlib.Path("/opt/ml/processing/live/saved.txt").write_text("half")
    pathlib.Path("/opt/ml/processing/late/saved.txt").write_text("half")
"""


@pytest.fixture(scope="module")
def world(engine: Engine) -> Processor:
    return Processor(engine)


def test_a_script_reads_inputs_and_writes_outputs_by_the_paths_of_a_container(world: Processor, engine: Engine) -> None:
    world.put("raw/part/table.csv", "1\n2\n3\n4")
    helper = "def place():\n    return '/opt/ml/processing/raw'\n"
    name = world.start(
        SPLIT,
        AppSpecification={
            "ContainerArguments": ["--share", "0.75", "--into", "/opt/ml/processing/rest"],
        },
        ProcessingInputs=[
            world.processing_input("raw", f"s3://{world.bucket}/raw"),
            world.processing_input("help", world.put("help/helper.py", helper)),
        ],
        ProcessingOutputConfig=world.processing_outputs(train="EndOfJob", rest="EndOfJob", seen="EndOfJob"),
        Environment={"COLOUR": "blue", "PYTHONPATH": "/opt/ml/processing/help"},
    )
    job = world.finish(name)
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["ExitMessage"] == "split into 3 and 1"
    assert job["CreationTime"] < job["ProcessingStartTime"] < job["ProcessingEndTime"] <= job["LastModifiedTime"]
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 86_400}
    assert world.read_output(job, "train") == {"train.csv": b"1\n2\n3"}
    assert world.read_output(job, "rest") == {"rest.csv": b"4"}, "symbolic links are not uploaded"
    seen = json.loads(world.read_output(job, "seen")["deep/seen.json"])
    assert seen["colour"] == "blue"
    assert seen["help"].endswith("/processing/raw")
    assert seen["hosts"] == {"current_host": "algo-1", "hosts": ["algo-1"]}
    assert seen["config"]["ProcessingJobArn"] == job["ProcessingJobArn"]
    assert seen["config"]["ProcessingInputs"][1]["S3Input"]["S3DataDistributionType"] == "FullyReplicated"
    assert "done at 's3://bucket/opt/ml/x'" in world.read_logs(PROCESSING_LOGS, f"{name}/algo-1-")
    assert not (engine.data / "sagemaker" / "us-east-1" / "processing" / name).exists()


def test_a_failure_has_the_exit_message_and_uploads_only_continuous_outputs(world: Processor) -> None:
    script = """
import pathlib, sys
for name in ("live", "late"):
    pathlib.Path("/opt/ml/processing/" + name, "part.txt").write_text("half")
pathlib.Path("/opt/ml/output/message").write_text("x" * 2000)
sys.exit("no rows")
"""
    outputs = world.processing_outputs(live="Continuous", late="EndOfJob")
    job = world.finish(world.start(script, ProcessingOutputConfig=outputs))
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information"
    assert job["ExitMessage"] == "x" * 1024
    assert world.read_output(job, "live") == {"part.txt": b"half"}
    assert world.read_output(job, "late") == {}
    assert "no rows" in world.read_logs(PROCESSING_LOGS, job["ProcessingJobName"])


def test_a_message_that_is_not_text_fails_the_job(world: Processor) -> None:
    script = "open('/opt/ml/output/message', 'wb').write(b'\\xff\\xfe')"
    job = world.finish(world.start(script))
    assert job["FailureReason"].startswith("ClientError: the file /opt/ml/output/message")


def test_a_stop_interrupts_the_script(world: Processor) -> None:
    outputs = world.processing_outputs(live="Continuous", late="EndOfJob")
    name = world.start(TRAPS_SIGINT, ProcessingOutputConfig=outputs)
    world.wait_for_line(name, "ready")
    world.sagemaker.stop_processing_job(ProcessingJobName=name)
    job = world.finish(name)
    assert job["ProcessingJobStatus"] == "Stopped"
    assert "FailureReason" not in job
    assert world.read_output(job, "live") == {"saved.txt": b"half"}
    assert world.read_output(job, "late") == {}
    with pytest.raises(ClientError, match="is in status Stopped"):
        world.sagemaker.stop_processing_job(ProcessingJobName=name)


def test_a_job_is_stopped_at_its_maximum_runtime(world: Processor) -> None:
    job = world.finish(world.start("import time; time.sleep(600)", StoppingCondition={"MaxRuntimeInSeconds": 1}))
    assert job["ProcessingJobStatus"] == "Stopped"


def test_two_instances_share_the_objects_and_their_messages_are_joined(world: Processor) -> None:
    for letter in "abc":
        world.put(f"shared/{letter}.txt", letter)
    manifest = world.put("shared.manifest", json.dumps([{"prefix": f"s3://{world.bucket}/shared/"}, "a.txt", "b.txt"]))
    script = """
import json, os
host = json.load(open("/opt/ml/config/resourceconfig.json"))["current_host"]
names = sorted(os.listdir("/opt/ml/processing/data")) + sorted(os.listdir("/opt/ml/processing/listed"))
open("/opt/ml/output/message", "w").write(f"{host}: {names}. ")
"""
    job = world.finish(
        world.start(
            script,
            ProcessingInputs=[
                world.processing_input("data", f"s3://{world.bucket}/shared/", S3DataDistributionType="ShardedByS3Key"),
                world.processing_input("listed", manifest, S3DataType="ManifestFile"),
            ],
            ProcessingResources={
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
            },
        )
    )
    assert job["ExitMessage"] == ("algo-1: ['a.txt', 'c.txt', 'a.txt', 'b.txt']. algo-2: ['b.txt', 'a.txt', 'b.txt']. ")


def test_a_shell_script_of_an_input_runs_with_translated_paths(world: Processor) -> None:
    shell = 'cd /opt/ml/processing/code\npython3 work.py "$@"\n'
    name = world.start(
        "import sys; open('/opt/ml/output/message', 'w').write(' '.join(sys.argv))",
        AppSpecification={
            "ContainerEntrypoint": ["/bin/sh", "/opt/ml/processing/start/run.sh"],
            "ContainerArguments": ["--deep", "3"],
        },
        ProcessingInputs=[world.processing_input("start", world.put("start/run.sh", shell))],
    )
    assert world.finish(name)["ExitMessage"] == "work.py --deep 3"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ExperimentConfig": {"ExperimentName": "x"}}, "does not support ExperimentConfig of a processing job"),
        ({"S3InputMode": "Pipe"}, "does not support the S3InputMode Pipe of the processing input more"),
        ({"S3CompressionType": "Gzip"}, "S3CompressionType Gzip of the processing input more needs"),
        ({"LocalPath": "/opt/ml/input/x"}, "The processing input more must have a LocalPath below /opt/ml/processing/"),
        ({"LocalPath": "/opt/ml/processing/../x"}, "must have a LocalPath below"),
        ({"LocalPath": "/opt/ml/processing/code"}, "folders of processing inputs must differ"),
        ({"S3Uri": "https://host/x"}, "must have an S3Uri that begins with s3://"),
        ({"RoleArn": "arn:aws:iam::123456789012:role/missing"}, "Could not assume role"),
    ],
)
def test_an_invalid_or_unsupported_request_is_refused(world: Processor, changes: dict[str, Any], message: str) -> None:
    of_input = {name: value for name, value in changes.items() if name not in ("ExperimentConfig", "RoleArn")}
    more = world.processing_input("more", f"s3://{world.bucket}/x", **of_input)
    with pytest.raises(ClientError, match=message) as caught:
        world.start("", **{"ProcessingInputs": [more]} if of_input else changes)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize(
    ("app", "reason"),
    [
        ({"ImageUri": "1.dkr.ecr.us-east-1.amazonaws.com/my-own:1"}, "local/ cannot run the image 1.dkr.ecr"),
        ({"ContainerEntrypoint": ["no-such-program"]}, "AlgorithmError: the program no-such-program cannot be started"),
    ],
)
def test_a_job_that_cannot_run_here_fails_with_the_reason(world: Processor, app: dict[str, Any], reason: str) -> None:
    job = world.finish(world.start("", AppSpecification=app))
    assert reason in job["FailureReason"]


def test_a_missing_input_or_bucket_fails_the_job(world: Processor) -> None:
    missing = world.processing_input("more", f"s3://{world.bucket}/nothing-here")
    job = world.finish(world.start("", ProcessingInputs=[missing]))
    assert job["FailureReason"].startswith("ClientError: Failed to download data. No S3 objects found under")
    outputs = world.processing_outputs(late="EndOfJob")
    outputs["Outputs"][0]["S3Output"]["S3Uri"] = "s3://no-such-bucket-anywhere/x"
    script = "open('/opt/ml/processing/late/x', 'w').close()"
    job = world.finish(world.start(script, ProcessingOutputConfig=outputs))
    assert job["FailureReason"].startswith("ClientError: Failed to upload output")


def test_jobs_can_be_listed_tagged_and_deleted(world: Processor) -> None:
    name = world.start("", Tags=[{"Key": "team", "Value": "a"}])
    with pytest.raises(ClientError, match="must be unique") as caught:
        world.start("", ProcessingJobName=name)
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"
    job = world.finish(name)
    listed = world.sagemaker.list_processing_jobs(NameContains=name)["ProcessingJobSummaries"]
    assert [(one["ProcessingJobName"], one["ProcessingJobStatus"]) for one in listed] == [(name, "Completed")]
    assert listed[0]["ProcessingEndTime"] == job["ProcessingEndTime"]
    tags = world.sagemaker.list_tags(ResourceArn=job["ProcessingJobArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "a"}]
    world.sagemaker.delete_processing_job(ProcessingJobName=name)
    for call in (world.sagemaker.describe_processing_job, world.sagemaker.stop_processing_job):
        with pytest.raises(ClientError, match="Could not find requested job"):
            call(ProcessingJobName=name)
