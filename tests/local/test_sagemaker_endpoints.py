"""Endpoints on local/ really serve the script's functions, and a failed update leaves them serving."""

import io
import json
import pickle
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import numpy
import pytest
from botocore.exceptions import ClientError
from sklearn.linear_model import LinearRegression

from tests.engine import Engine
from tests.local.sagemaker_world import IMAGE, World, pack, wait_until

DEFAULTS = """
import os, pickle

def model_fn(model_dir):
    print("loading")
    with open(os.path.join(model_dir, "model.pickle"), "rb") as file:
        return pickle.load(file)
"""

OWN_FUNCTIONS = """
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

BROKEN = """
def model_fn(model_dir):
    raise RuntimeError("the model is torn")
"""


class Host(World):
    """Makes models and endpoints, and removes the endpoints in the end."""

    def model(self, script: str, **changes: Any) -> str:
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


@pytest.fixture(scope="module")
def host(engine: Engine) -> Iterator[Host]:
    host = Host(engine)
    yield host
    for endpoint in host.sagemaker.list_endpoints(MaxResults=100)["Endpoints"]:
        host.sagemaker.delete_endpoint(EndpointName=endpoint["EndpointName"])


@pytest.fixture(scope="module")
def plain(host: Host) -> str:
    """An endpoint with the container's own defaults, which nobody changes."""
    name = host.begin(host.configure(main=host.model(DEFAULTS)))
    assert host.describe(name)["EndpointStatus"] == "Creating"
    described = host.settle(name)
    assert described["EndpointStatus"] == "InService", described.get("FailureReason")
    return name


def test_json_in_and_out(host: Host, plain: str) -> None:
    assert host.invoke_json(plain, [[0, 0], [1, 1]]) == pytest.approx([1.0, 6.0])


def test_csv_in_and_out(host: Host, plain: str) -> None:
    answer = host.invoke(plain, "0,0\n1,1\n", "text/csv; charset=utf-8", Accept="text/csv")
    assert [float(line) for line in answer.decode().splitlines()] == pytest.approx([1.0, 6.0])


def test_npy_in_and_out(host: Host, plain: str) -> None:
    body = io.BytesIO()
    numpy.save(body, numpy.array([[0.0, 0.0], [1.0, 1.0]]))
    answer = host.invoke(plain, body.getvalue(), "application/x-npy", Accept="application/x-npy")
    assert numpy.load(io.BytesIO(answer)).tolist() == pytest.approx([1.0, 6.0])


def test_the_answer_names_the_variant_and_logs_can_be_read(host: Host, plain: str) -> None:
    answer = host.runtime.invoke_endpoint(
        EndpointName=plain, Body=b"[[0, 0]]", ContentType="application/json", CustomAttributes="trace"
    )
    assert (answer["InvokedProductionVariant"], answer["ContentType"]) == ("main", "application/json")
    group = f"/aws/sagemaker/Endpoints/{plain}"
    wait_until(lambda: host.read_logs(group, "main/i-"), lambda lines: "loading" in lines)


@pytest.mark.parametrize(
    ("body", "types", "status", "message"),
    [
        (b"[[0, 0, 0]]", {"ContentType": "application/json"}, 500, "ValueError: X has 3 features"),
        (b"<a/>", {"ContentType": "text/xml"}, 415, "text/xml"),
        (b"[[0, 0]]", {"ContentType": "application/json", "Accept": "text/xml"}, 406, "text/xml"),
    ],
)
def test_an_error_of_the_container_is_a_model_error(
    host: Host, plain: str, body: bytes, types: dict[str, str], status: int, message: str
) -> None:
    with pytest.raises(ClientError) as caught:
        host.runtime.invoke_endpoint(EndpointName=plain, Body=body, **types)
    answer = caught.value.response
    assert answer["Error"]["Code"] == "ModelError"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert answer["OriginalStatusCode"] == status
    assert message in answer["OriginalMessage"]


def test_the_script_may_define_all_functions(host: Host) -> None:
    # The script lies in an archive of its own, as the SageMaker SDK leaves it.
    source = host.put(f"{uuid.uuid4().hex}/source.tar.gz", pack({"own.py": OWN_FUNCTIONS}))
    environment = {"SAGEMAKER_PROGRAM": "own.py", "SAGEMAKER_SUBMIT_DIRECTORY": source}
    name = host.begin(host.configure(main=host.model("", Environment=environment)))
    host.settle(name)
    assert host.invoke_json(name, [1, 2]) == {"prediction": [3, 6]}
    with pytest.raises(ClientError, match="cannot read text/csv"):
        host.invoke(name, b"1", "text/csv")


def test_variants_share_the_traffic_and_can_be_targeted(host: Host) -> None:
    name = host.begin(host.configure(a=host.model(OWN_FUNCTIONS), b=host.model(OWN_FUNCTIONS.replace("3", "5"))))
    host.settle(name)
    assert host.invoke(name, b"[1]", TargetVariant="a") == b'{"prediction": [3]}'
    assert host.invoke(name, b"[1]", TargetVariant="b") == b'{"prediction": [5]}'
    assert {host.invoke(name, b"[1]") for _ in range(40)} == {b'{"prediction": [3]}', b'{"prediction": [5]}'}
    with pytest.raises(ClientError, match="Variant c not found"):
        host.invoke(name, b"[1]", TargetVariant="c")


@pytest.mark.parametrize(
    ("script", "changes", "reason"),
    [
        (BROKEN, {}, "did not pass the ping health check"),
        ("def predict_fn(data, model): ...", {}, "did not pass the ping health check"),
        (DEFAULTS, {"ModelDataUrl": "s3://no-such-bucket-anywhere/model.tar.gz"}, "Failed to download model data"),
        (DEFAULTS, {"Image": "1.dkr.ecr.us-east-1.amazonaws.com/my-own:1"}, "local/ cannot run the image"),
    ],
)
def test_a_model_that_cannot_be_served_fails_the_endpoint(
    host: Host, script: str, changes: dict[str, Any], reason: str
) -> None:
    name = host.begin(host.configure(main=host.model(script, **changes)))
    described = host.settle(name)
    assert described["EndpointStatus"] == "Failed"
    assert reason in described["FailureReason"]
    with pytest.raises(ClientError, match="not found") as caught:
        host.invoke(name, b"[1]")
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    with pytest.raises(ClientError, match="Cannot update endpoint"):
        host.update(name, described["EndpointConfigName"])
    host.sagemaker.delete_endpoint(EndpointName=name)
    wait_until(lambda: host.is_gone(name), bool)


def test_updates_never_interrupt_and_a_broken_one_is_rolled_back(host: Host, engine: Engine) -> None:
    first = host.configure(main=host.model(OWN_FUNCTIONS))
    name = host.begin(first)
    host.settle(name)
    answers: list[bytes] = []
    failures: list[Exception] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                answers.append(host.invoke(name, b"[1]"))
            except ClientError as error:
                failures.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    second = host.configure(main=host.model(OWN_FUNCTIONS.replace("3", "5")))
    updated = host.update(name, second)
    assert (updated["EndpointStatus"], updated["EndpointConfigName"]) == ("InService", second)
    rolled_back = host.update(name, host.configure(main=host.model(BROKEN)))
    done.set()
    asking.join()
    assert (rolled_back["EndpointStatus"], rolled_back["EndpointConfigName"]) == ("InService", second)
    assert "did not pass the ping health check" in rolled_back["FailureReason"]
    assert host.invoke(name, b"[1]") == b'{"prediction": [5]}'
    assert not failures
    assert sorted(set(answers)) == [b'{"prediction": [3]}', b'{"prediction": [5]}']
    left = engine.data / "sagemaker" / "us-east-1" / "endpoints" / name
    wait_until(lambda: len(list(left.iterdir())), lambda count: count == 1)
    again = host.update(name, first)
    assert (again["EndpointConfigName"], "FailureReason" in again) == (first, False)


def test_an_endpoint_in_progress_is_left_alone_and_a_deleted_one_is_gone(host: Host) -> None:
    configuration = host.configure(main=host.model(DEFAULTS))
    name = host.begin(configuration)
    for call in (
        lambda: host.sagemaker.delete_endpoint(EndpointName=name),
        lambda: host.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=configuration),
    ):
        with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
            call()
    host.settle(name)
    host.sagemaker.delete_endpoint(EndpointName=name)
    wait_until(lambda: host.is_gone(name), bool)
    with pytest.raises(ClientError, match="not found"):
        host.invoke(name, b"[[0, 0]]")


def test_definitions_are_described_unique_and_must_exist(host: Host) -> None:
    model = host.model(DEFAULTS)
    configuration = host.configure(main=model)
    container = {"Image": IMAGE}
    variant = {"VariantName": "main", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    client = host.sagemaker
    described = client.describe_model(ModelName=model)
    assert described["PrimaryContainer"]["Environment"]["SAGEMAKER_PROGRAM"] == "serve.py"
    described = client.describe_endpoint_config(EndpointConfigName=configuration)
    assert described["ProductionVariants"][0]["ModelName"] == model
    refused = [
        (
            lambda: client.create_model(ModelName=model, PrimaryContainer=container, ExecutionRoleArn=host.role),
            "Cannot create already existing model",
        ),
        (
            lambda: client.create_model(
                ModelName="a",
                PrimaryContainer=container,
                ExecutionRoleArn="arn:aws:iam::123456789012:role/nobody-at-all",
            ),
            "Could not assume role",
        ),
        (
            lambda: client.create_endpoint_config(EndpointConfigName=configuration, ProductionVariants=[variant]),
            "Cannot create already existing endpoint configuration",
        ),
        (
            lambda: client.create_endpoint_config(
                EndpointConfigName="a", ProductionVariants=[variant | {"ModelName": "none"}]
            ),
            'Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/none"',
        ),
        (
            lambda: client.create_endpoint(EndpointName="a", EndpointConfigName="none"),
            "Could not find endpoint configuration",
        ),
        (
            lambda: client.describe_endpoint(EndpointName="none"),
            'Could not find endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/none".',
        ),
        (lambda: host.invoke("none", b""), "Endpoint none of account 123456789012 not found"),
        (
            lambda: client.update_endpoint_weights_and_capacities(
                EndpointName="a", DesiredWeightsAndCapacities=[{"VariantName": "main"}]
            ),
            "local/ does not support Update",
        ),
    ]
    for call, message in refused:
        with pytest.raises(ClientError, match=message):
            call()
    client.delete_endpoint_config(EndpointConfigName=configuration)
    client.delete_model(ModelName=model)
    with pytest.raises(ClientError, match="Could not find model"):
        client.describe_model(ModelName=model)


def test_everything_is_listed(host: Host, plain: str) -> None:
    client = host.sagemaker
    listed = client.list_endpoints(NameContains=plain, StatusEquals="InService")["Endpoints"]
    assert [(one["EndpointName"], one["EndpointStatus"]) for one in listed] == [(plain, "InService")]
    assert client.list_endpoints(NameContains=plain, StatusEquals="Failed")["Endpoints"] == []
    names = [host.model(DEFAULTS) for _ in range(3)]
    pages = list(client.get_paginator("list_models").paginate(SortBy="CreationTime", PaginationConfig={"PageSize": 2}))
    found = [one["ModelName"] for page in pages for one in page["Models"]]
    assert len(pages) > 1
    assert found[:3] == names[::-1]
    configurations = client.list_endpoint_configs(SortBy="Name", SortOrder="Ascending", MaxResults=2)
    shown = [one["EndpointConfigName"] for one in configurations["EndpointConfigs"]]
    assert shown == sorted(shown)
    assert configurations["NextToken"]
