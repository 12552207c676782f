"""Endpoints in local/ write captured requests and answers to S3, as AWS does."""

import base64
import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.sagemaker_world import SERVE_DEFAULTS, Host, wait_until

CAPTURE: dict[str, Any] = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
}
SIZE = {"InstanceType": "ml.t2.medium", "InitialInstanceCount": 1}


@pytest.fixture(scope="module")
def host(engine: Engine) -> Iterator[Host]:
    host = Host(engine)
    yield host
    for endpoint in host.sagemaker.list_endpoints(MaxResults=100)["Endpoints"]:
        host.sagemaker.delete_endpoint(EndpointName=endpoint["EndpointName"])


def configure(host: Host, settings: dict[str, Any], **more: Any) -> str:
    name = f"config-{uuid.uuid4().hex[:8]}"
    variant = {"VariantName": "main", "ModelName": host.model(SERVE_DEFAULTS)} | more.pop("size", SIZE)
    capture = CAPTURE | {"DestinationS3Uri": f"s3://{host.bucket}/captured/"} | settings
    host.sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[variant], DataCaptureConfig=capture, **more
    )
    return name


def begin(host: Host, **settings: Any) -> str:
    name = host.begin(configure(host, settings))
    assert host.settle(name)["EndpointStatus"] == "InService"
    return name


def list_keys(host: Host, endpoint: str) -> list[str]:
    found = host.s3.list_objects_v2(Bucket=host.bucket, Prefix=f"captured/{endpoint}/main/")
    return [each["Key"] for each in found.get("Contents", [])]


def read_record(host: Host, endpoint: str) -> Any:
    (key,) = wait_until(lambda: list_keys(host, endpoint), bool)
    assert re.fullmatch(rf"captured/{endpoint}/main/20\d\d/[01]\d/[0-3]\d/[0-2]\d/[0-5]\d-[0-5]\d-[\w-]+\.jsonl", key)
    (line,) = host.read(f"s3://{host.bucket}/{key}").decode().splitlines()
    return json.loads(line)


def test_text_is_readable_and_the_event_has_the_callers_id(host: Host) -> None:
    name = begin(host)
    host.invoke(name, "0,0\n1,1\n", "text/csv; charset=utf-8", Accept="application/json", InferenceId="order-7")
    record = read_record(host, name)
    asked = {"observedContentType": "text/csv; charset=utf-8", "mode": "INPUT", "data": "0,0\n1,1\n", "encoding": "CSV"}
    assert record["captureData"]["endpointInput"] == asked
    answered = record["captureData"]["endpointOutput"]
    assert (answered["mode"], answered["encoding"]) == ("OUTPUT", "JSON")
    assert json.loads(answered["data"]) == pytest.approx([1.0, 6.0])
    assert (record["eventMetadata"]["inferenceId"], record["eventVersion"]) == ("order-7", "0")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", record["eventMetadata"]["inferenceTime"])


def test_other_content_types_are_base64_and_only_the_wanted_side_is_written(host: Host) -> None:
    name = begin(host, CaptureOptions=[{"CaptureMode": "Input"}], CaptureContentTypeHeader={"CsvContentTypes": ["a/b"]})
    host.invoke(name, "[[0, 0]]")
    (side,) = read_record(host, name)["captureData"].items()
    assert (side[0], side[1]["encoding"]) == ("endpointInput", "BASE64")
    assert base64.b64decode(side[1]["data"]) == b"[[0, 0]]"


def test_a_sample_of_nothing_and_a_capture_that_is_off_write_nothing(host: Host) -> None:
    names = [begin(host, InitialSamplingPercentage=0), begin(host, EnableCapture=False), begin(host)]
    for name in names:
        host.invoke(name, "[[0, 0]]")
    read_record(host, names[2])
    assert [list_keys(host, name) for name in names[:2]] == [[], []]


@pytest.mark.parametrize(
    "more",
    [
        {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://b/c"}}},
        {"size": {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}},
    ],
)
def test_only_real_time_endpoints_capture_data(host: Host, more: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="real-time endpoints only"):
        configure(host, {}, **more)
