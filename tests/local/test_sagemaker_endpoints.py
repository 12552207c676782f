"""Endpoints in local/ serve the script's functions, and keep serving after a failed update."""

import gzip
import io
import tarfile
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy
import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.sagemaker_world import SERVE_DEFAULTS, SERVE_OWN, Host, pack, wait_until

BROKEN = """
def model_fn(model_dir):
    raise RuntimeError("the model is torn")
"""


@pytest.fixture(scope="module")
def host(engine: Engine) -> Iterator[Host]:
    host = Host(engine)
    yield host
    for endpoint in host.sagemaker.list_endpoints(MaxResults=100)["Endpoints"]:
        host.sagemaker.delete_endpoint(EndpointName=endpoint["EndpointName"])


@pytest.fixture(scope="module")
def plain(host: Host) -> str:
    """An endpoint with the container's defaults; tests do not change it."""
    name = host.begin(host.configure(main=host.model(SERVE_DEFAULTS)))
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


def test_the_answer_names_the_variant_and_the_logs_are_readable(host: Host, plain: str) -> None:
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
    answer: Any = caught.value.response
    assert answer["Error"]["Code"] == "ModelError"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert answer["OriginalStatusCode"] == status
    assert message in answer["OriginalMessage"]


def test_the_script_may_define_all_functions(host: Host) -> None:
    # The script is in a separate archive, as the SageMaker SDK uploads it.
    source = host.put(f"{uuid.uuid4().hex}/source.tar.gz", pack({"own.py": SERVE_OWN}))
    environment = {"SAGEMAKER_PROGRAM": "own.py", "SAGEMAKER_SUBMIT_DIRECTORY": source}
    name = host.begin(host.configure(main=host.model("", Environment=environment)))
    host.settle(name)
    assert host.invoke_json(name, [1, 2]) == {"prediction": [3, 6]}
    with pytest.raises(ClientError, match="cannot read text/csv"):
        host.invoke(name, b"1", "text/csv")


def test_variants_share_the_traffic_and_can_be_targeted(host: Host) -> None:
    name = host.begin(host.configure(a=host.model(SERVE_OWN), b=host.model(SERVE_OWN.replace("3", "5"))))
    host.settle(name)
    assert host.invoke(name, b"[1]", TargetVariant="a") == b'{"prediction": [3]}'
    assert host.invoke(name, b"[1]", TargetVariant="b") == b'{"prediction": [5]}'
    assert {host.invoke(name, b"[1]") for _ in range(40)} == {b'{"prediction": [3]}', b'{"prediction": [5]}'}
    with pytest.raises(ClientError, match="Variant c not found"):
        host.invoke(name, b"[1]", TargetVariant="c")


def test_invocations_are_metrics_of_the_endpoint_and_its_variant(engine: Engine, host: Host) -> None:
    name = host.begin(host.configure(main=host.model(SERVE_OWN)))
    host.settle(name)
    host.invoke(name, b"[1]")
    host.invoke(name, b"[2]")
    with pytest.raises(ClientError, match="ModelError"):
        host.invoke(name, b"no JSON")
    dimensions = [{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": "main"}]
    end = datetime.now(UTC) + timedelta(minutes=1)

    def read(metric: str, statistic: str = "Sum") -> float:
        (point,) = engine.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker", MetricName=metric, Dimensions=dimensions, Statistics=[statistic],
            StartTime=end - timedelta(hours=1), EndTime=end, Period=7200,
        )["Datapoints"]  # fmt: skip
        return point[statistic]  # type: ignore[no-any-return]

    errors = [read(f"Invocation{kind}Errors") for kind in ("4XX", "5XX", "Model")]
    assert (read("Invocations"), errors) == (3, [0, 1, 1])
    assert 100 < read("ModelLatency", "Maximum") < 60_000_000  # microseconds


def pack_link() -> bytes:
    """A model's archive with a symbolic link to its script."""
    buffer = io.BytesIO(gzip.decompress(pack({"code/serve.py": SERVE_OWN})))
    with tarfile.open(fileobj=buffer, mode="a") as tar:
        link = tarfile.TarInfo("code/latest.py")
        link.type, link.linkname = tarfile.SYMTYPE, "serve.py"
        tar.addfile(link)
    return gzip.compress(buffer.getvalue())


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        (pack_link(), "'code/latest.py' is a symbolic link"),
        (b"no archive", "not a tar.gz archive that can be unpacked"),
        (pack({"weights": bytes(range(256)) * 999})[:500], "not a tar.gz archive that can be unpacked"),
    ],
    ids=["a link", "no archive", "cut off"],
)
def test_a_model_archive_that_cannot_be_extracted_fails_the_endpoint(host: Host, archive: bytes, reason: str) -> None:
    address = host.put("model.tar.gz", archive)
    described = host.settle(host.begin(host.configure(main=host.model("", ModelDataUrl=address))))
    assert described["EndpointStatus"] == "Failed"
    expected = f'Failed to extract model data archive for container "primary" from URL "{address}". Please ensure that'
    assert expected in described["FailureReason"]
    assert reason in described["FailureReason"]


def test_a_model_whose_data_is_deleted_fails_the_endpoint_with_the_reason(host: Host) -> None:
    model = host.model(SERVE_DEFAULTS)
    host.s3.delete_object(Bucket=host.bucket, Key=f"{model}/model.tar.gz")
    assert "Failed to download model data" in host.settle(host.begin(host.configure(main=model)))["FailureReason"]


@pytest.mark.parametrize(
    ("script", "changes", "reason"),
    [
        (BROKEN, {}, "did not pass the ping health check"),
        ("def predict_fn(data, model): ...", {}, "did not pass the ping health check"),
        (SERVE_DEFAULTS, {"Image": "1.dkr.ecr.us-east-1.amazonaws.com/my-own:1"}, "local/ cannot run the image"),
    ],
)
def test_an_invalid_model_fails_the_endpoint_with_the_reason(
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


def test_an_update_interrupts_no_invocation_and_a_broken_one_is_rolled_back(host: Host, engine: Engine) -> None:
    first = host.configure(main=host.model(SERVE_OWN))
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
    second = host.configure(main=host.model(SERVE_OWN.replace("3", "5")))
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


def test_an_update_can_retain_the_variant_properties(host: Host) -> None:
    client, variant = host.sagemaker, {"VariantName": "main", "ModelName": host.model(SERVE_OWN)}
    counts = {}
    for count in (3, 1):
        counts[count] = f"config-{uuid.uuid4().hex[:8]}"
        sized = {"InstanceType": "ml.m5.large", "InitialInstanceCount": count}
        client.create_endpoint_config(EndpointConfigName=counts[count], ProductionVariants=[variant | sized])
    name = host.begin(counts[3])
    host.settle(name)
    for options, expected in (
        ({"RetainAllVariantProperties": True}, 3),
        (
            {
                "RetainAllVariantProperties": True,
                "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredInstanceCount"}],
            },
            1,
        ),
    ):
        client.update_endpoint(EndpointName=name, EndpointConfigName=counts[1], **options)
        assert host.settle(name)["ProductionVariants"][0]["CurrentInstanceCount"] == expected


def test_an_endpoint_in_progress_cannot_be_changed_and_a_deleted_one_is_not_found(host: Host) -> None:
    configuration = host.configure(main=host.model(SERVE_DEFAULTS))
    name = host.begin(configuration)
    calls: list[Callable[[], Any]] = [
        lambda: host.sagemaker.delete_endpoint(EndpointName=name),
        lambda: host.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=configuration),
    ]
    for call in calls:
        with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
            call()
    host.settle(name)
    host.sagemaker.delete_endpoint(EndpointName=name)
    wait_until(lambda: host.is_gone(name), bool)
    with pytest.raises(ClientError, match="not found"):
        host.invoke(name, b"[[0, 0]]")
