"""Endpoints in local/: inference pipelines, serverless and asynchronous inference."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.sagemaker_world import IMAGE, SERVE_OWN, Host, pack, wait_until
from tests.roles import OPEN_QUEUE

# Prints its request headers, and doubles a list of numbers.
DOUBLES = """
import json

def model_fn(model_dir):
    return 2

def input_fn(body, content_type):
    assert content_type == "text/csv", content_type
    return [float(part) for part in body.split(",")]

def predict_fn(data, model):
    if min(data) < 0:
        raise ValueError("below zero")
    return [value * model for value in data]

def output_fn(prediction, accept):
    assert accept == "application/json", accept
    return json.dumps(prediction), accept
"""


class Waiter(Host):
    """Reads the notifications of an asynchronous endpoint."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._sqs, sns = engine.client("sqs"), engine.client("sns")
        self._queue = self._sqs.create_queue(QueueName=self.bucket, Attributes=OPEN_QUEUE)["QueueUrl"]
        self.topic: str = sns.create_topic(Name=self.bucket)["TopicArn"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})

    def begin_queue(self) -> str:
        output = {
            "S3OutputPath": f"s3://{self.bucket}/answers",
            "S3FailurePath": f"s3://{self.bucket}/failures/",
            "NotificationConfig": {"SuccessTopic": self.topic, "ErrorTopic": self.topic},
        }
        name = self.configure_with({"AsyncInferenceConfig": {"OutputConfig": output}})
        endpoint = self.begin(name)
        described = self.settle(endpoint)
        assert described["EndpointStatus"] == "InService", described.get("FailureReason")
        assert described["AsyncInferenceConfig"]["OutputConfig"] == output
        return endpoint

    def configure_with(self, more: dict[str, Any], **variant: Any) -> str:
        name = f"config-{uuid.uuid4().hex[:8]}"
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {"VariantName": "main", "ModelName": self.model(SERVE_OWN)}
                | (variant or {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1})
            ],
            **more,
        )
        return name

    def read_notification(self) -> dict[str, Any]:
        (message,) = self._sqs.receive_message(QueueUrl=self._queue, WaitTimeSeconds=10)["Messages"]
        self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return json.loads(message["Body"])  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def host(engine: Engine) -> Iterator[Waiter]:
    host = Waiter(engine)
    yield host
    for endpoint in host.sagemaker.list_endpoints(MaxResults=100)["Endpoints"]:
        host.sagemaker.delete_endpoint(EndpointName=endpoint["EndpointName"])


@pytest.fixture(scope="module")
def queue(host: Waiter) -> str:
    return host.begin_queue()


def container(host: Host, script: str, **more: str) -> dict[str, Any]:
    key = uuid.uuid4().hex
    return {
        "Image": IMAGE,
        "ModelDataUrl": host.put(f"{key}/model.tar.gz", pack({"code/serve.py": script})),
        "Environment": {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
        **more,
    }


def test_a_request_passes_the_containers_of_a_pipeline_in_order(host: Waiter) -> None:
    name = f"pipeline-{uuid.uuid4().hex[:8]}"
    first, second = (
        container(host, DOUBLES, ContainerHostname="doubles"),
        container(host, SERVE_OWN, ContainerHostname="triples"),
    )
    host.sagemaker.create_model(ModelName=name, Containers=[first, second], ExecutionRoleArn=host.role)
    endpoint = host.begin(host.configure(main=name))
    described = host.settle(endpoint)
    assert described["EndpointStatus"] == "InService", described.get("FailureReason")
    assert len(described["ProductionVariants"][0]["DeployedImages"]) == 2
    answer = host.invoke(endpoint, b"1,2", "text/csv", Accept="application/anything")
    assert json.loads(answer) == {"prediction": [6, 12]}
    with pytest.raises(ClientError, match="from doubles with message") as caught:
        host.invoke(endpoint, b"-1", "text/csv")
    assert caught.value.response["LogStreamArn"].endswith("/doubles")  # type: ignore[typeddict-item]
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    wait_until(lambda: host.list_streams(group), lambda names: any(name.endswith("/doubles") for name in names))


def test_the_error_for_a_failed_container_of_a_pipeline_names_it(host: Waiter) -> None:
    name = f"pipeline-{uuid.uuid4().hex[:8]}"
    parts = [container(host, DOUBLES), container(host, "raise RuntimeError('torn')")]
    host.sagemaker.create_model(ModelName=name, Containers=parts, ExecutionRoleArn=host.role)
    described = host.settle(host.begin(host.configure(main=name)))
    assert described["EndpointStatus"] == "Failed"
    assert "The container-2 container for production variant main did not pass" in described["FailureReason"]


def test_a_serverless_endpoint_serves_and_describes_its_capacity(host: Waiter) -> None:
    capacity = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    endpoint = host.begin(host.configure_with({}, ServerlessConfig=capacity))
    (variant,) = host.settle(endpoint)["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == capacity
    assert "CurrentInstanceCount" not in variant
    assert host.invoke_json(endpoint, [1]) == {"prediction": [3]}
    with pytest.raises(ClientError, match="Cannot create already existing endpoint"):
        host.sagemaker.create_endpoint(EndpointName=endpoint.upper(), EndpointConfigName=host.configure_with({}))
    assert host.update(endpoint, host.configure_with({}))["EndpointStatus"] == "InService"
    with pytest.raises(ClientError, match="to a serverless one"):
        host.update(endpoint, host.configure_with({}, ServerlessConfig=capacity))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"EnableNetworkIsolation": True}, "which has EnableNetworkIsolation"),
        ({"VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}}, "which has VpcConfig"),
        ({"Containers": [{"Image": IMAGE}, {"Image": IMAGE}]}, "an inference pipeline"),
    ],
)
def test_a_serverless_variant_refuses_other_models(host: Waiter, more: dict[str, Any], message: str) -> None:
    name = f"model-{uuid.uuid4().hex[:8]}"
    only = {} if "Containers" in more else {"PrimaryContainer": {"Image": IMAGE}}
    host.sagemaker.create_model(ModelName=name, ExecutionRoleArn=host.role, **only, **more)
    capacity = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
    with pytest.raises(ClientError, match=f"A serverless variant cannot use the model {name}, {message}"):
        host.configure_with({}, ModelName=name, ServerlessConfig=capacity)


def test_an_asynchronous_request_is_answered_in_s3_with_a_notification(host: Waiter, queue: str) -> None:
    answer = host.runtime.invoke_endpoint_async(
        EndpointName=queue,
        InputLocation=host.put("questions/1", "[1, 2]"),
        ContentType="application/json",
        InferenceId="the-first",
    )
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["InferenceId"]) == (202, "the-first")
    assert answer["OutputLocation"].startswith(f"s3://{host.bucket}/answers/")
    reported = host.read_notification()
    assert (reported["invocationStatus"], reported["inferenceId"]) == ("Completed", "the-first")
    assert reported["responseParameters"]["outputLocation"] == answer["OutputLocation"]
    assert json.loads(host.read(answer["OutputLocation"])) == {"prediction": [3, 6]}


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [("1,2", "text/csv", "cannot read text/csv"), (None, "text/csv", "does not exist")],
)
def test_a_failed_asynchronous_request_reports_the_reason(
    host: Waiter, queue: str, body: str | None, content_type: str, reason: str
) -> None:
    place = host.put("questions/2", body) if body else f"s3://{host.bucket}/questions/none"
    answer = host.runtime.invoke_endpoint_async(EndpointName=queue, InputLocation=place, ContentType=content_type)
    reported = host.read_notification()
    assert reported["invocationStatus"] == "Failed"
    assert reason in reported["failureReason"]
    assert reason in host.read(answer["FailureLocation"]).decode()


def test_each_kind_of_endpoint_refuses_the_call_of_the_other(host: Waiter, queue: str) -> None:
    with pytest.raises(ClientError, match="use InvokeEndpointAsync"):
        host.invoke(queue, b"[1]")
    plain = host.begin(host.configure(main=host.model(SERVE_OWN)))
    wait_until(lambda: host.describe(plain)["EndpointStatus"], lambda status: status == "InService")
    with pytest.raises(ClientError, match="use InvokeEndpoint"):
        host.runtime.invoke_endpoint_async(EndpointName=plain, InputLocation="s3://b/x")
    with pytest.raises(ClientError, match="Filename of InvokeEndpointAsync"):
        host.runtime.invoke_endpoint_async(EndpointName=queue, InputLocation="s3://b/x", Filename="mine")


def test_an_isolated_container_cannot_get_its_script_from_s3(host: Waiter) -> None:
    name = f"model-{uuid.uuid4().hex[:8]}"
    part = container(host, SERVE_OWN)
    part["Environment"]["SAGEMAKER_SUBMIT_DIRECTORY"] = part["ModelDataUrl"]
    host.sagemaker.create_model(
        ModelName=name, PrimaryContainer=part, ExecutionRoleArn=host.role, EnableNetworkIsolation=True
    )
    described = host.settle(host.begin(host.configure(main=name)))
    assert "a container with network isolation cannot read s3://" in described["FailureReason"]


@pytest.mark.parametrize(
    ("more", "variant", "message"),
    [
        ({"AsyncInferenceConfig": {"OutputConfig": {}}}, {}, "needs an S3OutputPath"),
        ({"MetricsConfig": {"EnableEnhancedMetrics": True}}, {}, "MetricsConfig of an endpoint configuration"),
        (
            {},
            {"InstanceType": "ml.m5.large", "ManagedInstanceScaling": {"Status": "ENABLED"}},
            "ManagedInstanceScaling of a variant",
        ),
    ],
)
def test_unsupported_options_of_an_endpoint_are_refused(
    host: Waiter, more: dict[str, Any], variant: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        host.configure_with(more, **variant)


def test_direct_invocation_of_containers_is_refused(host: Waiter) -> None:
    parts = [container(host, DOUBLES), container(host, SERVE_OWN)]
    with pytest.raises(ClientError, match="the Mode Direct"):
        host.sagemaker.create_model(
            ModelName="a", Containers=parts, ExecutionRoleArn=host.role, InferenceExecutionConfig={"Mode": "Direct"}
        )


def test_a_model_is_a_folder_of_files_or_in_the_image(host: Host) -> None:
    environment = {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    uri = host.put(f"weights-{uuid.uuid4().hex}/code/serve.py", SERVE_OWN).removesuffix("code/serve.py")
    folder = {"S3Uri": uri, "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {"Image": IMAGE, "Environment": environment}
    source = {"ModelDataSource": {"S3DataSource": folder}}
    host.sagemaker.create_model(ModelName="files", PrimaryContainer=container | source, ExecutionRoleArn=host.role)
    name = host.begin(host.configure(main="files"))
    assert host.settle(name)["EndpointStatus"] == "InService"
    assert host.invoke_json(name, [2]) == {"prediction": [6]}
    capacity = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
    variant: Any = {"VariantName": "main", "ModelName": "files", "ServerlessConfig": capacity}
    with pytest.raises(ClientError, match="A serverless variant cannot use the model files"):
        host.sagemaker.create_endpoint_config(EndpointConfigName="files", ProductionVariants=[variant])
    with pytest.raises(ClientError, match="A transform job cannot use the model files"):
        host.sagemaker.create_transform_job(
            TransformJobName="files",
            ModelName="files",
            TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}},
            TransformOutput={"S3OutputPath": uri},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )
    for wrong, message in (
        ({"S3Uri": f"s3://{host.bucket}/nothing/"}, "Could not find model data"),
        ({"S3Uri": uri.removesuffix("/")}, "must end with a slash"),
        ({"CompressionType": "Gzip"}, "does not support the S3DataType S3Prefix with CompressionType Gzip"),
        ({"ManifestS3Uri": uri}, "ManifestS3Uri"),
    ):
        with pytest.raises(ClientError, match=message):
            host.sagemaker.create_model(
                ModelName="wrong",
                PrimaryContainer=container | {"ModelDataSource": {"S3DataSource": folder | wrong}},
                ExecutionRoleArn=host.role,
            )
    both = container | source | {"ModelDataUrl": f"{uri}model.tar.gz"}
    with pytest.raises(ClientError, match="either ModelDataUrl or ModelDataSource"):
        host.sagemaker.create_model(ModelName="wrong", PrimaryContainer=both, ExecutionRoleArn=host.role)


DIES = """
import os

def model_fn(model_dir):
    return open(os.path.join(model_dir, "model.pickle"), "rb").read(1)

def transform_fn(model, body, content_type, accept):
    if body == '"die"':
        os._exit(3)
    return str(os.getpid()), accept
"""


def test_a_container_that_exits_is_started_again(host: Waiter) -> None:
    endpoint = host.begin(host.configure(main=host.model(DIES)))
    assert host.settle(endpoint)["EndpointStatus"] == "InService"
    processes = [host.invoke_json(endpoint, "live")]
    for _ in range(2):
        with pytest.raises(ClientError, match="ModelError"):
            host.invoke_json(endpoint, "die")
        processes.append(wait_until(lambda: invoke_or_none(host, endpoint), bool))
    assert len(set(processes)) == 3
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    note = "local/ starts the container again, which exited with code 3"
    wait_until(lambda: host.read_logs(group, "main").count(note), lambda found: found == 2)
    host.sagemaker.delete_endpoint(EndpointName=endpoint)
    wait_until(lambda: host.is_gone(endpoint), bool)
    assert not Path(f"/proc/{processes[-1]}").exists()


def invoke_or_none(host: Host, endpoint: str) -> Any:
    """The answer, or None while the container does not answer."""
    try:
        return host.invoke_json(endpoint, "live")
    except ClientError:
        return None
