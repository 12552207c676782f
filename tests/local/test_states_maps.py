"""Distributed Map states in local/: items from S3, batches, failures and results."""

import gzip
import json
from typing import Any

import pytest

from tests.engine import Engine
from tests.local.state_machines import Machines, wait_for

BUCKET = "states-maps"
DISTRIBUTED = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
KEEP = {"Keep": {"Type": "Succeed"}}


@pytest.fixture(scope="module")
def machines(engine: Engine) -> Machines:
    return Machines.of(engine)


@pytest.fixture(scope="module")
def storage(engine: Engine) -> Any:
    client = engine.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


def mapping(states: dict[str, Any] = KEEP, **fields: Any) -> dict[str, Any]:
    processor = {"ProcessorConfig": DISTRIBUTED, "StartAt": next(iter(states)), "States": states}
    return {"All": {"Type": "Map", "ItemProcessor": processor, "End": True} | fields}


def reading(key: str, **config: Any) -> dict[str, Any]:
    where = {"Bucket": BUCKET, "Key": key}
    return {"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Arguments": where, "ReaderConfig": config}}


def put(storage: Any, key: str, body: bytes) -> None:
    storage.put_object(Bucket=BUCKET, Key=key, Body=body)


@pytest.mark.parametrize(
    ("body", "config", "items"),
    [
        ('[{"n": 1}, null, 3]', {"InputType": "JSON"}, [{"n": 1}, None, 3]),
        ("[1, 2, 3]", {"InputType": "JSON", "MaxItems": 2}, [1, 2]),
        ('{"n": 1}\n\n[2]\n', {"InputType": "JSONL"}, [{"n": 1}, [2]]),
        ("a,b\n1,2\n3\n", {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
         [{"a": "1", "b": "2"}, {"a": "3", "b": ""}]),
        ("1|2\n", {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x", "y"], "CSVDelimiter": "PIPE"},
         [{"x": "1", "y": "2"}]),
    ],
)  # fmt: skip
def test_items_are_read_from_an_object(
    machines: Machines, storage: Any, body: str, config: dict[str, Any], items: list[Any]
) -> None:
    put(storage, "items", body.encode())
    assert machines.output(mapping(**reading("items", **config))) == items


def test_items_are_the_objects_of_a_bucket(machines: Machines, storage: Any) -> None:
    for name in "ab":
        put(storage, f"listed/{name}.txt", name.encode())
    reader = {"Resource": "arn:aws:states:::s3:listObjectsV2", "Arguments": {"Bucket": BUCKET, "Prefix": "listed/"}}
    items = machines.output(mapping(ItemReader=reader))
    assert [(item["Key"], item["Size"]) for item in items] == [("listed/a.txt", 1), ("listed/b.txt", 1)]
    assert list(items[0]) == ["Etag", "Key", "LastModified", "Size", "StorageClass"]


def test_items_are_the_rows_of_an_inventory(machines: Machines, storage: Any) -> None:
    put(storage, "inventory/1.csv.gz", gzip.compress(b'"my-bucket","a.txt","12"\n'))
    manifest = {
        "destinationBucket": f"arn:aws:s3:::{BUCKET}",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size",
        "files": [{"key": "inventory/1.csv.gz"}],
    }
    put(storage, "inventory/manifest.json", json.dumps(manifest).encode())
    output = machines.output(mapping(**reading("inventory/manifest.json", InputType="MANIFEST")))
    assert output == [{"Bucket": "my-bucket", "Key": "a.txt", "Size": "12"}]


@pytest.mark.parametrize(
    ("body", "config", "cause"),
    [
        ("{}", {"InputType": "JSON"}, "Attempting to map over non-iterable node."),
        ("a,a\n1,2\n", {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
         "CSV headers cannot contain duplicates."),
        ("{", {"InputType": "JSONL"}, "The object is not valid JSON: "),
        ("{}", {"InputType": "MANIFEST"}, "The object is not the manifest of an inventory; it lacks fileSchema, "),
    ],
)  # fmt: skip
def test_items_that_cannot_be_read_fail_the_map_run(
    machines: Machines, storage: Any, body: str, config: dict[str, Any], cause: str
) -> None:
    put(storage, "bad", body.encode())
    ended = machines.run(mapping(**reading("bad", **config)))
    assert ended["error"] == "States.ItemReaderFailed"
    assert ended["cause"].startswith(cause)
    kinds = [event["type"] for event in machines.history(ended["executionArn"])]
    assert kinds[-4:] == ["MapRunStarted", "MapRunFailed", "MapStateFailed", "ExecutionFailed"]


def test_items_are_selected_and_put_into_batches(machines: Machines) -> None:
    batcher = {"MaxItemsPerBatch": "{% $states.input.size %}", "BatchInput": {"of": "{% $states.input.name %}"}}
    fields: dict[str, Any] = {
        "Items": "{% $states.input.items %}",
        "ItemSelector": {"n": "{% $states.context.Map.Item.Value %}", "i": "{% $states.context.Map.Item.Index %}"},
        "ItemBatcher": batcher,
    }
    output = machines.output(mapping(**fields), {"items": [7, 8, 9], "size": "2", "name": "x"})
    assert output == [
        {"BatchInput": {"of": "x"}, "Items": [{"n": 7, "i": 0}, {"n": 8, "i": 1}]},
        {"BatchInput": {"of": "x"}, "Items": [{"n": 9, "i": 2}]},
    ]


def test_batches_have_a_maximum_size_and_paths(machines: Machines) -> None:
    batcher = {"MaxInputBytesPerBatchPath": "$.bytes", "BatchInput": {"of.$": "$.name"}}
    states = mapping(ItemsPath="$.items", ItemBatcher=batcher)
    given = {"items": ["aaaa", "bbbb", "cccc"], "bytes": 55, "name": "x"}
    ended = machines.run(states, given, QueryLanguage="JSONPath")
    batches = json.loads(ended["output"])
    assert [batch["Items"] for batch in batches] == [["aaaa", "bbbb"], ["cccc"]]
    assert batches[0]["BatchInput"] == {"of": "x"}


FAIL_ODD = {
    "Odd?": {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $states.input % 2 = 1 %}", "Next": "Fail"}],
        "Default": "Keep",
    },
    "Fail": {"Type": "Fail", "Error": "Odd", "Cause": "{% 'It is ' & $states.input %}"},
} | KEEP


@pytest.mark.parametrize(
    ("tolerance", "is_tolerated"),
    [
        ({}, False),
        ({"ToleratedFailureCount": 1}, True),
        ({"ToleratedFailurePercentage": 25}, True),
        ({"ToleratedFailurePercentage": 24}, False),
        ({"ToleratedFailureCount": 0, "ToleratedFailurePercentage": 100}, False),
    ],
)
def test_a_map_run_fails_when_too_many_items_fail(
    machines: Machines, tolerance: dict[str, Any], is_tolerated: bool
) -> None:
    ended = machines.run(mapping(FAIL_ODD, Items=[2, 3, 4, 6], **tolerance))
    if is_tolerated:
        output = json.loads(ended["output"])
        assert [output[0], *output[2:]] == [2, 4, 6]
        assert (output[1]["Status"], output[1]["Error"], output[1]["Cause"]) == ("FAILED", "Odd", "It is 3")
        return
    assert ended["error"] == "States.ExceedToleratedFailureThreshold"
    assert ended["cause"] == "The specified tolerated failure threshold was exceeded"


def test_a_stopped_execution_aborts_its_map_run(machines: Machines) -> None:
    waiting = {"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}}
    execution = machines.start(machines.create(mapping(waiting, Items=[1, 2])))
    (run,) = wait_for(lambda: machines.states.list_map_runs(executionArn=execution)["mapRuns"], bool)
    machines.states.stop_execution(executionArn=execution)
    described = wait_for(
        lambda: machines.states.describe_map_run(mapRunArn=run["mapRunArn"]), lambda one: one["status"] != "RUNNING"
    )
    assert described["status"] == "ABORTED"


def test_results_are_written_to_s3(machines: Machines, storage: Any) -> None:
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": BUCKET, "Prefix": "results"}}
    fields = {"Items": [1, 2], "ToleratedFailurePercentage": 50, "ResultWriter": writer, "Label": "Written"}
    output = machines.output(mapping(FAIL_ODD, **fields))
    details = output["ResultWriterDetails"]
    assert ":mapRun:" in output["MapRunArn"]
    assert details["Bucket"] == BUCKET

    def read(key: str) -> Any:
        return json.loads(storage.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    manifest = read(details["Key"])
    assert (manifest["MapRunArn"], manifest["DestinationBucket"]) == (output["MapRunArn"], BUCKET)
    files = manifest["ResultFiles"]
    assert files["PENDING"] == []
    (succeeded,) = read(files["SUCCEEDED"][0]["Key"])
    (failed,) = read(files["FAILED"][0]["Key"])
    assert (succeeded["Input"], succeeded["Output"], succeeded["Status"]) == ("2", "2", "SUCCEEDED")
    assert (failed["Input"], failed["Error"], failed["RedriveStatus"]) == ("1", "Odd", "REDRIVABLE_BY_MAP_RUN")
    assert ":execution:" in failed["ExecutionArn"]
    assert failed["StateMachineArn"].endswith("/Written")


def test_results_can_be_flattened(machines: Machines) -> None:
    writer = {"WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSON"}}
    assert machines.output(mapping(Items=[[1, 2], 3], ResultWriter=writer)) == [1, 2, 3]


def test_an_expression_in_a_child_fails_with_its_place(machines: Machines) -> None:
    states = {"Do": {"Type": "Pass", "Output": "{% $nothing %}", "End": True}}
    output = machines.output(mapping(states, Items=[1], ToleratedFailurePercentage=100))
    place = "An error occurred while executing the state 'Do' (entered at the event id #1)."
    assert output[0]["Cause"].startswith(f"{place} The JSONata expression '$nothing' specified for the field 'Output'")


def test_a_task_result_above_the_quota_can_be_caught(machines: Machines, storage: Any) -> None:
    put(storage, "large", b"x" * 300_000)
    states = {
        "Get": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
            "Arguments": {"Bucket": BUCKET, "Key": "large"},
            "Catch": [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput.Error %}", "Next": "Keep"}],
            "End": True,
        }
    } | KEEP
    assert machines.output(states) == "States.DataLimitExceeded"
