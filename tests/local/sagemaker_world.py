"""Helpers for tests of SageMaker: a bucket, a role, archives, jobs, endpoints and waiting."""

import io
import json
import pickle
import tarfile
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.polling import looks
from tests.roles import create_role

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
TRAINING_LOGS = "/aws/sagemaker/TrainingJobs"
PROCESSING_LOGS = "/aws/sagemaker/ProcessingJobs"
TRANSFORM_LOGS = "/aws/sagemaker/TransformJobs"
T = TypeVar("T")
_ENDED = ("Completed", "Failed", "Stopped")

# Serves with the container's defaults except for model_fn.
SERVE_DEFAULTS = """
import os, pickle

def model_fn(model_dir):
    print("loading")
    with open(os.path.join(model_dir, "model.pickle"), "rb") as file:
        return pickle.load(file)
"""

SERVE_OWN = """
import json

def model_fn(model_dir):
    return {"factor": 3}

def input_fn(body, content_type):
    if content_type != "application/json":
        raise ValueError(f"cannot read {content_type}")
    return json.loads(body)

def predict_fn(data, model):
    return [value * model["factor"] for value in data]

def output_fn(prediction, accept):
    return json.dumps({"prediction": prediction}), "application/json"
"""


def pack(files: dict[str, str | bytes]) -> bytes:
    """A tar.gz archive of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def unpack(archive: bytes) -> dict[str, bytes]:
    """The files in a tar.gz archive."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = {entry.name: tar.extractfile(entry) for entry in tar.getmembers()}
        return {name: file.read() for name, file in files.items() if file}


def wait_until(read: Callable[[], T], holds: Callable[[T], bool]) -> T:
    """Poll until a read value satisfies a condition; return it."""
    for _ in looks():
        if holds(value := read()):
            return value
    raise AssertionError(f"still {value}")


class World:
    """A bucket and a role of an engine."""

    def __init__(self, engine: Engine) -> None:
        self.sagemaker: Any = engine.client("sagemaker")
        self.runtime: Any = engine.client("sagemaker-runtime")
        self.s3: Any = engine.client("s3")
        self.logs: Any = engine.client("logs")
        self.bucket = f"world-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.role = create_role(engine, "sagemaker", "codebuild", name=self.bucket)

    def put(self, key: str, body: bytes | str) -> str:
        """Upload an object; return its S3 URI."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def read(self, uri: str) -> bytes:
        """Download an object by its S3 URI."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def wait_for_object(self, key: str) -> None:
        """Wait until an object exists."""
        wait_until(lambda: self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key)["KeyCount"], bool)

    def list_streams(self, group: str, **prefix: str) -> list[str]:
        """The names of a log group's streams."""
        if not self.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []
        streams = self.logs.describe_log_streams(logGroupName=group, **prefix)["logStreams"]
        return [stream["logStreamName"] for stream in streams]

    def read_logs(self, group: str, prefix: str) -> list[str]:
        """The lines of the log streams with this prefix."""
        return [
            event["message"]
            for name in self.list_streams(group, logStreamNamePrefix=prefix)
            for event in self.logs.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True)["events"]
        ]


class Trainer(World):
    """Starts training jobs and waits for them."""

    def start(self, script: str | dict[str, str | bytes], **changes: Any) -> str:
        name = f"job-{uuid.uuid4().hex[:8]}"
        files = {"train.py": script} if isinstance(script, str) else script
        hyperparameters = {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": self.put(f"{name}/source.tar.gz", pack(dict(files))),
            **changes.pop("HyperParameters", {}),
        }
        hyperparameters = {name: value for name, value in hyperparameters.items() if value is not None}
        request: dict[str, Any] = {
            "TrainingJobName": name,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "RoleArn": self.role,
            "HyperParameters": hyperparameters,
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        }
        self.sagemaker.create_training_job(**request | changes)
        return name

    def describe(self, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
        return answer

    def finish(self, name: str) -> dict[str, Any]:
        return wait_until(lambda: self.describe(name), lambda job: job["TrainingJobStatus"] in _ENDED)

    def wait_for_line(self, name: str, line: str) -> None:
        wait_until(lambda: self.read_logs(TRAINING_LOGS, name), lambda lines: line in lines)


class Processor(World):
    """Starts processing jobs and waits for them."""

    def request(self, script: str, **changes: Any) -> dict[str, Any]:
        """A request that runs a Python script on scikit-learn's image."""
        name = f"processing-{uuid.uuid4().hex[:8]}"
        code = self.processing_input("code", self.put(f"{name}/code/work.py", script))
        command = ["python3", "/opt/ml/processing/code/work.py"]
        request: dict[str, Any] = {
            "ProcessingJobName": name,
            "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": command},
            "RoleArn": self.role,
            "ProcessingInputs": [code, *changes.pop("ProcessingInputs", [])],
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10}
            },
        }
        request["AppSpecification"] |= changes.pop("AppSpecification", {})
        return request | changes

    def processing_input(self, name: str, uri: str, **changes: Any) -> dict[str, Any]:
        """An input in the folder of its name."""
        source = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/{name}", "S3DataType": "S3Prefix"}
        return {"InputName": name, "S3Input": source | {"S3InputMode": "File"} | changes}

    def processing_outputs(self, **modes: str) -> dict[str, Any]:
        """Outputs with these upload modes, each in the folder of its name."""
        outputs = [
            {
                "OutputName": name,
                "S3Output": {
                    "S3Uri": f"s3://{self.bucket}/{uuid.uuid4().hex[:8]}/{name}",
                    "LocalPath": f"/opt/ml/processing/{name}",
                    "S3UploadMode": mode,
                },
            }
            for name, mode in modes.items()
        ]
        return {"Outputs": outputs}

    def start(self, script: str, **changes: Any) -> str:
        request = self.request(script, **changes)
        self.sagemaker.create_processing_job(**request)
        return str(request["ProcessingJobName"])

    def describe(self, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.sagemaker.describe_processing_job(ProcessingJobName=name)
        return answer

    def finish(self, name: str) -> dict[str, Any]:
        return wait_until(lambda: self.describe(name), lambda job: job["ProcessingJobStatus"] in _ENDED)

    def read_output(self, job: dict[str, Any], name: str) -> dict[str, bytes]:
        """The uploaded files of an output."""
        outputs = {one["OutputName"]: one["S3Output"]["S3Uri"] for one in job["ProcessingOutputConfig"]["Outputs"]}
        prefix = outputs[name].removeprefix(f"s3://{self.bucket}/")
        keys = [one["Key"] for one in self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])]
        return {key.removeprefix(f"{prefix}/"): self.read(f"s3://{self.bucket}/{key}") for key in keys}

    def wait_for_line(self, name: str, line: str) -> None:
        wait_until(lambda: self.read_logs(PROCESSING_LOGS, name), lambda lines: line in lines)


class Host(World):
    """Creates, updates and invokes models and endpoints."""

    def model(self, script: str, **changes: Any) -> str:
        from sklearn.linear_model import LinearRegression  # takes a second, and many tests only pack archives

        name = f"model-{uuid.uuid4().hex[:8]}"
        line = LinearRegression().fit([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [1.0, 3.0, 4.0])
        archive = pack({"model.pickle": pickle.dumps(line), "code/serve.py": script})
        container = {
            "Image": IMAGE,
            "ModelDataUrl": self.put(f"{name}/model.tar.gz", archive),
            "Environment": {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
        }
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container | changes, ExecutionRoleArn=self.role)
        return name

    def configure(self, **variants: str) -> str:
        name = f"config-{uuid.uuid4().hex[:8]}"
        described = [
            {"VariantName": key, "ModelName": model, "InstanceType": "ml.t2.medium", "InitialInstanceCount": 1}
            for key, model in variants.items()
        ]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=described)
        return name

    def begin(self, configuration: str) -> str:
        name = f"endpoint-{uuid.uuid4().hex[:8]}"
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=configuration)
        return name

    def describe(self, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=name)
        return answer

    def settle(self, name: str) -> dict[str, Any]:
        return wait_until(lambda: self.describe(name), lambda one: not one["EndpointStatus"].endswith("ing"))

    def update(self, name: str, configuration: str) -> dict[str, Any]:
        self.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=configuration)
        assert self.describe(name)["EndpointStatus"] == "Updating"
        return self.settle(name)

    def invoke(self, name: str, body: Any, content_type: str = "application/json", **more: Any) -> bytes:
        answer = self.runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType=content_type, **more)
        read: bytes = answer["Body"].read()
        return read

    def invoke_json(self, name: str, value: Any) -> Any:
        return json.loads(self.invoke(name, json.dumps(value)))

    def is_gone(self, name: str) -> bool:
        try:
            self.describe(name)
        except ClientError as error:
            return "Could not find endpoint" in str(error)
        return False


class Transformer(Host):
    """Starts transform jobs of models and waits for them."""

    def request(self, model: str, uri: str, **changes: Any) -> dict[str, Any]:
        """A request for lines of CSV, with changes of the input and output in it."""
        name = f"transform-{uuid.uuid4().hex[:8]}"
        source = {"S3DataType": changes.pop("S3DataType", "S3Prefix"), "S3Uri": uri}
        given = {"ContentType": "text/csv", "SplitType": "Line"} | changes.pop("TransformInput", {})
        output = {"Accept": "text/csv", "AssembleWith": "Line"} | changes.pop("TransformOutput", {})
        return {
            "TransformJobName": name,
            "ModelName": model,
            "TransformInput": {"DataSource": {"S3DataSource": source}, **given},
            "TransformOutput": {"S3OutputPath": f"s3://{self.bucket}/{name}/", **output},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        } | changes

    def transform(self, model: str, uri: str, **changes: Any) -> str:
        request = self.request(model, uri, **changes)
        self.sagemaker.create_transform_job(**request)
        return str(request["TransformJobName"])

    def describe_job(self, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.sagemaker.describe_transform_job(TransformJobName=name)
        return answer

    def finish(self, name: str) -> dict[str, Any]:
        return wait_until(lambda: self.describe_job(name), lambda job: job["TransformJobStatus"] in _ENDED)

    def read_results(self, name: str) -> dict[str, bytes]:
        """The output objects of a job."""
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"{name}/").get("Contents", [])
        keys = [one["Key"] for one in found]
        return {key.removeprefix(f"{name}/"): self.read(f"s3://{self.bucket}/{key}") for key in keys}
