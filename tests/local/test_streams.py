"""Streams of DynamoDB in local/: the changes of a table's items invoke a function, in order and with retries."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.functions import Recorder, deploy, eventually, name, queue, receive
from tests.roles import create_role

# Reports the first record with this value as failed, until it has been tried so often.
UNLUCKY = """
    import json, os, pathlib, uuid

    def handler(event, context):
        folder = pathlib.Path(os.environ["RECORDS"])
        tried = len(list(folder.glob("*.json")))
        (folder / f"{tried:03}.json").write_text(json.dumps(event))
        unlucky = [
            record["dynamodb"]["SequenceNumber"]
            for record in event["Records"]
            if record["dynamodb"]["NewImage"]["n"]["N"] == "2" and tried < int(os.environ["FAILURES"])
        ]
        return {"batchItemFailures": [{"itemIdentifier": number} for number in unlucky]}
"""


def make_table(engine: Engine) -> tuple[str, str]:
    """Create a table with a stream; return its name and the stream's ARN."""
    table = name("table")
    answer = engine.client("dynamodb").create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return table, answer["TableDescription"]["LatestStreamArn"]


def map_stream(engine: Engine, stream: str, function: str, **settings: Any) -> str:
    defaults = {"StartingPosition": "TRIM_HORIZON", "FunctionResponseTypes": ["ReportBatchItemFailures"]}
    answer = engine.client("lambda").create_event_source_mapping(
        EventSourceArn=stream, FunctionName=function, **defaults | settings
    )
    return str(answer["UUID"])


def put(engine: Engine, table: str, id: str, number: int) -> None:
    engine.client("dynamodb").put_item(TableName=table, Item={"id": {"S": id}, "n": {"N": str(number)}})


def changes(events: list[Any]) -> list[Any]:
    return [record for event in events for record in event["Records"]]


def numbers(event: Any) -> list[str]:
    return [record["dynamodb"]["NewImage"]["n"]["N"] for record in event["Records"]]


def test_a_function_gets_each_change_of_an_item_once_and_in_order(engine: Engine, tmp_path: Path) -> None:
    table, stream = make_table(engine)
    recorder = Recorder.deploy(engine, tmp_path)
    put(engine, table, "a", 1)
    map_stream(engine, stream, recorder.arn)
    put(engine, table, "a", 2)
    put(engine, table, "a", 2)  # DynamoDB writes no record when nothing changes
    engine.client("dynamodb").delete_item(TableName=table, Key={"id": {"S": "a"}})
    first, second, third = eventually(
        lambda: found if len(found := changes(recorder.events)) >= 3 else None  # in one batch or several
    )
    assert [each["eventName"] for each in (first, second, third)] == ["INSERT", "MODIFY", "REMOVE"]
    assert second["dynamodb"]["OldImage"] == {"id": {"S": "a"}, "n": {"N": "1"}}
    assert second["dynamodb"]["NewImage"] == {"id": {"S": "a"}, "n": {"N": "2"}}
    assert third["dynamodb"]["Keys"] == {"id": {"S": "a"}}
    assert first["eventSourceARN"] == stream
    assert isinstance(first["dynamodb"]["ApproximateCreationDateTime"], int)


def test_a_failed_transaction_leaves_no_record(engine: Engine, tmp_path: Path) -> None:
    table, stream = make_table(engine)
    recorder = Recorder.deploy(engine, tmp_path)
    map_stream(engine, stream, recorder.arn, StartingPosition="LATEST")
    item = {"id": {"S": "a"}, "n": {"N": "1"}}
    failing = {"Put": {"TableName": table, "Item": item, "ConditionExpression": "attribute_exists(id)"}}
    other = {"Put": {"TableName": table, "Item": item | {"id": {"S": "b"}}}}
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        engine.client("dynamodb").transact_write_items(TransactItems=[other, failing])
    put(engine, table, "c", 3)
    assert numbers(recorder.wait()[0]) == ["3"]


def test_an_iterator_finds_the_changes_after_a_failed_transaction(engine: Engine) -> None:
    table, stream = make_table(engine)
    streams, item = engine.client("dynamodbstreams"), {"id": {"S": "a"}}
    (shard,) = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    position = {"StreamArn": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "LATEST"}
    iterator = streams.get_shard_iterator(**position)["ShardIterator"]
    failing = {"Put": {"TableName": table, "Item": item, "ConditionExpression": "attribute_exists(id)"}}
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        engine.client("dynamodb").transact_write_items(TransactItems=[failing])
    put(engine, table, "b", 1)
    answer = streams.get_records(ShardIterator=iterator)
    assert [record["dynamodb"]["Keys"] for record in answer["Records"]] == [{"id": {"S": "b"}}]
    put(engine, table, "b", 2)
    answer = streams.get_records(ShardIterator=answer["NextShardIterator"])
    assert [record["dynamodb"]["NewImage"]["n"] for record in answer["Records"]] == [{"N": "2"}]
    assert streams.get_records(ShardIterator=answer["NextShardIterator"])["Records"] == []


@pytest.mark.parametrize(("number", "code"), [("1", "TrimmedDataAccessException"), ("x", "ValidationException")])
def test_an_iterator_that_leads_to_no_record_is_refused(engine: Engine, number: str, code: str) -> None:
    _, stream = make_table(engine)
    with pytest.raises(ClientError) as refused:
        engine.client("dynamodbstreams").get_records(ShardIterator=f"{stream}|1|{number}")
    assert refused.value.response["Error"]["Code"] == code


def test_changes_that_match_no_filter_invoke_nothing(engine: Engine, tmp_path: Path) -> None:
    table, stream = make_table(engine)
    recorder = Recorder.deploy(engine, tmp_path)
    pattern = json.dumps({"eventName": ["INSERT"], "dynamodb": {"Keys": {"id": {"S": [{"prefix": "build"}]}}}})
    map_stream(engine, stream, recorder.arn, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    for id, number in (("other", 1), ("build#x", 2), ("build#x", 3), ("build", 4)):
        put(engine, table, id, number)
    found = eventually(lambda: seen if len(seen := changes(recorder.events)) >= 2 else None)
    assert [each["dynamodb"]["NewImage"]["n"]["N"] for each in found] == ["2", "4"]


def test_the_records_from_a_failed_one_on_are_retried(engine: Engine, tmp_path: Path) -> None:
    table, stream = make_table(engine)
    function = deploy(engine, UNLUCKY, Environment={"Variables": {"RECORDS": str(tmp_path), "FAILURES": "2"}})
    for number in (1, 2, 3):
        put(engine, table, str(number), number)
    map_stream(engine, stream, function)
    eventually(lambda: len(list(tmp_path.glob("*.json"))) == 3)
    tried = [numbers(json.loads(path.read_text())) for path in sorted(tmp_path.glob("*.json"))]
    assert tried == [["1", "2", "3"], ["2", "3"], ["2", "3"]]


def test_a_record_that_fails_too_often_is_reported_and_the_others_go_on(engine: Engine, tmp_path: Path) -> None:
    table, stream = make_table(engine)
    dead, dead_arn = queue(engine)
    function = deploy(engine, UNLUCKY, Environment={"Variables": {"RECORDS": str(tmp_path), "FAILURES": "99"}})
    for number in (1, 2, 3):
        put(engine, table, str(number), number)
    destination = {"OnFailure": {"Destination": dead_arn}}
    map_stream(engine, stream, function, MaximumRetryAttempts=1, DestinationConfig=destination)
    letter = json.loads(receive(engine, dead)["Body"])
    assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert letter["DDBStreamBatchInfo"]["streamArn"] == stream
    assert letter["DDBStreamBatchInfo"]["batchSize"] == 1
    eventually(lambda: numbers(json.loads(max(tmp_path.glob("*.json")).read_text())) == ["3"])


def test_a_batch_of_a_function_that_fails_is_halved(engine: Engine, tmp_path: Path) -> None:
    table, stream = make_table(engine)
    dead, dead_arn = queue(engine)
    recorder = Recorder.deploy(engine, tmp_path, fails=True)
    for number in (1, 2):
        put(engine, table, str(number), number)
    destination = {"OnFailure": {"Destination": dead_arn}}
    map_stream(
        engine,
        stream,
        recorder.arn,
        MaximumRetryAttempts=0,
        BisectBatchOnFunctionError=True,
        DestinationConfig=destination,
    )
    letters = [json.loads(receive(engine, dead)["Body"])["DDBStreamBatchInfo"] for _ in range(2)]
    assert [each["batchSize"] for each in letters] == [1, 1]
    assert [numbers(event) for event in recorder.events] == [["1", "2"], ["1"], ["2"]]


def test_the_stream_is_read_in_the_functions_role(engine: Engine, tmp_path: Path) -> None:
    table, stream = make_table(engine)
    role_arn = create_role(engine, "lambda")
    recorder = Recorder.deploy(engine, tmp_path, Role=role_arn)
    put(engine, table, "a", 1)
    map_stream(engine, stream, recorder.arn)
    recorder.wait()
    made = [each for each in engine.read_audit()["calls"] if each["role"] == role_arn.rpartition("/")[2]]
    read = {(each["action"], each["resource"]) for each in made if each["action"].startswith("dynamodb:")}
    assert read == {(f"dynamodb:{name}", stream) for name in ("DescribeStream", "GetShardIterator", "GetRecords")}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"StartingPosition": "AT_TIMESTAMP"}, "StartingPosition of a stream of DynamoDB is LATEST or TRIM_HORIZON"),
        ({"ParallelizationFactor": 2}, "neither ParallelizationFactor nor"),
        ({"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sns:us-east-1:123456789012:t"}}}, "only to SQS"),
    ],
)
def test_an_invalid_mapping_is_refused_with_the_reason(
    engine: Engine, tmp_path: Path, settings: dict[str, Any], reason: str
) -> None:
    recorder = Recorder.deploy(engine, tmp_path)
    with pytest.raises(ClientError, match=re.escape(reason)):
        map_stream(engine, make_table(engine)[1], recorder.arn, **settings)
