"""DynamoDB in local/: of concurrent conditional writes only one succeeds, and a failed transaction changes nothing."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.table_batches import FinishedTransactions
from tests.engine import Engine
from tests.local.functions import name

CALLERS = 8
NEVER = "attribute_exists(id)"


def create_table(engine: Engine, *sort_key: str) -> str:
    """Create a table with the key ``id`` and perhaps a sort key; return its name."""
    table = name("table")
    engine.client("dynamodb").create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("id", *sort_key)],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}]
        + [{"AttributeName": each, "KeyType": "RANGE"} for each in sort_key],
    )
    return table


def test_concurrent_conditional_writes_lose_no_count(engine: Engine) -> None:
    table, dynamodb = create_table(engine), engine.client("dynamodb")
    refused = dynamodb.exceptions.ConditionalCheckFailedException  # created on first access, which is not thread-safe
    dynamodb.put_item(TableName=table, Item={"id": {"S": "count"}, "n": {"N": "0"}})

    def count(_caller: int) -> None:
        while True:
            seen = dynamodb.get_item(TableName=table, Key={"id": {"S": "count"}}, ConsistentRead=True)["Item"]["n"]
            item = {"id": {"S": "count"}, "n": {"N": str(int(seen["N"]) + 1)}}
            condition = {"ConditionExpression": "n = :seen", "ExpressionAttributeValues": {":seen": seen}}
            with suppress(refused):
                dynamodb.put_item(TableName=table, Item=item, **condition)
                return

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(count, range(5 * CALLERS)))
    assert dynamodb.get_item(TableName=table, Key={"id": {"S": "count"}})["Item"]["n"] == {"N": str(5 * CALLERS)}


def test_a_failed_transaction_keeps_concurrent_writes(engine: Engine) -> None:
    table, dynamodb = create_table(engine), engine.client("dynamodb")

    def write(number: int) -> None:
        put = {"TableName": table, "Item": {"id": {"S": str(number)}}}
        if number % 2:
            dynamodb.put_item(**put)
        else:
            with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
                dynamodb.transact_write_items(TransactItems=[{"Put": put | {"ConditionExpression": NEVER}}])

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(write, range(200)))
    assert dynamodb.scan(TableName=table)["Count"] == 100


@pytest.mark.parametrize("sort_key", [(), ("part",)])
def test_a_failed_transaction_changes_nothing(engine: Engine, sort_key: tuple[str, ...]) -> None:
    table, dynamodb = create_table(engine, *sort_key), engine.client("dynamodb")
    keys = [{"id": {"S": each}} | {name: {"S": "1"} for name in sort_key} for each in ("kept", "deleted", "new")]
    for key in keys[:2]:
        dynamodb.put_item(TableName=table, Item=key | {"seen": {"L": [{"N": "1"}]}})
    before = dynamodb.scan(TableName=table)["Items"]
    append = {"UpdateExpression": "SET seen = list_append(seen, :more)"}
    values = {"ExpressionAttributeValues": {":more": {"L": [{"N": "2"}]}}}
    changes: list[Any] = [
        {"Update": {"TableName": table, "Key": keys[0], **append, **values}},
        {"Delete": {"TableName": table, "Key": keys[1]}},
        {"Put": {"TableName": table, "Item": keys[2]}},
    ]
    absent = {"TableName": table, "Key": keys[0] | {"id": {"S": "absent"}}, "ConditionExpression": NEVER}
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
        dynamodb.transact_write_items(TransactItems=[*changes, {"ConditionCheck": absent}])
    assert dynamodb.scan(TableName=table)["Items"] == before
    dynamodb.transact_write_items(TransactItems=changes)
    after = {item["id"]["S"]: item.get("seen") for item in dynamodb.scan(TableName=table)["Items"]}
    assert after == {"kept": {"L": [{"N": "1"}, {"N": "2"}]}, "new": None}


def test_a_transaction_with_a_token_is_carried_out_once(engine: Engine) -> None:
    table, dynamodb = create_table(engine), engine.client("dynamodb")

    def add(amount: str, token: str) -> None:
        update = {
            "TableName": table,
            "Key": {"id": {"S": "1"}},
            "UpdateExpression": "ADD seen :more",
            "ExpressionAttributeValues": {":more": {"N": amount}},
        }
        dynamodb.transact_write_items(TransactItems=[{"Update": update}], ClientRequestToken=token)

    def refused_write(token: str) -> None:
        absent = {"TableName": table, "Item": {"id": {"S": "2"}}, "ConditionExpression": NEVER}
        dynamodb.transact_write_items(TransactItems=[{"Put": absent}], ClientRequestToken=token)

    def count() -> str:
        return str(dynamodb.get_item(TableName=table, Key={"id": {"S": "1"}})["Item"]["seen"]["N"])

    with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
        refused_write("first")
    for token, amount, total in (("first", "1", "1"), ("first", "1", "1"), ("second", "1", "2")):
        add(amount, token)
        assert count() == total
    with pytest.raises(dynamodb.exceptions.IdempotentParameterMismatchException):
        add("3", "first")
    assert count() == "2"


def test_a_token_is_known_for_10_minutes_in_its_account_and_region() -> None:
    seconds, answers = [0.0], iter(range(10))
    transactions = FinishedTransactions(lambda: seconds[0])

    def run(account: str = "1") -> Any:
        return transactions.run((account, "us-east-1"), {"ClientRequestToken": "a"}, lambda: next(answers))

    assert [run(), run(), run("2")] == [0, 0, 1]
    seconds[0] = 599.9
    assert run() == 0
    seconds[0] = 600
    assert [run(), run()] == [2, 2]


def refusal(call: Any, **parameters: Any) -> str:
    """The error code of a refusal."""
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return str(raised.value.response["Error"]["Code"])


def text(number: int, size: int) -> dict[str, Any]:
    """An item of this many bytes."""
    return {"id": {"S": f"{number:02}"}, "text": {"S": "x" * (size - len("id00text"))}}


LARGEST = 409_600


def test_a_refused_batch_writes_nothing(engine: Engine) -> None:
    table, dynamodb = create_table(engine, "part"), engine.client("dynamodb")
    other, one = create_table(engine), {"S": "1"}
    kept = {"PutRequest": {"Item": {"id": one, "part": one}}}
    too_large = {"PutRequest": {"Item": text(2, LARGEST + 1) | {"part": one}}}
    same_key = {"PutRequest": {"Item": {"id": one, "part": one, "more": one}}}
    deletion = {"DeleteRequest": {"Key": {"id": one, "part": one}}}
    escaped = [{"PutRequest": {"Item": {"id": {"S": str(each)}, "text": {"S": "é" * 150_000}}}} for each in range(19)]
    many = [{"PutRequest": {"Item": {"id": {"S": str(each)}}}} for each in range(25)]
    for given in (
        {table: [kept, too_large]},
        {table: [kept, same_key]},
        {table: [kept, deletion]},
        {table: [kept], other: many},
        {table: [kept], other: escaped},  # 17 MB with the escapes of JSON
    ):
        assert refusal(dynamodb.batch_write_item, RequestItems=given) == "ValidationException"
    assert dynamodb.scan(TableName=table)["Count"] == dynamodb.scan(TableName=other)["Count"] == 0
    another = {"PutRequest": {"Item": {"id": one, "part": {"S": "2"}}}}
    dynamodb.batch_write_item(RequestItems={table: [kept, another], other: escaped[:17]})
    pages = dynamodb.get_paginator("scan").paginate(TableName=other)
    assert (dynamodb.scan(TableName=table)["Count"], sum(page["Count"] for page in pages)) == (2, 17)


def test_the_items_of_a_batch_and_a_transaction_are_limited(engine: Engine) -> None:
    table, dynamodb = create_table(engine), engine.client("dynamodb")
    put = [{"Put": {"TableName": table, "Item": text(each, LARGEST)}} for each in range(10)]
    rest = 4 * 1024 * 1024 - 10 * LARGEST
    more = {"Put": {"TableName": table, "Item": text(10, rest)}}
    larger = {"Put": {"TableName": table, "Item": text(10, rest + 1)}}
    assert refusal(dynamodb.transact_write_items, TransactItems=[*put, larger]) == "ValidationException"
    assert dynamodb.scan(TableName=table, Select="COUNT")["Count"] == 0
    dynamodb.transact_write_items(TransactItems=[*put, more])
    for number in range(11, 42):
        dynamodb.put_item(TableName=table, Item=text(number, LARGEST))
    key = [{"id": {"S": f"{number:02}"}} for number in range(42)]
    get = [{"Get": {"TableName": table, "Key": each, "ProjectionExpression": "id"}} for each in key]
    assert refusal(dynamodb.transact_get_items, TransactItems=get[:12]) == "ValidationException"
    read = dynamodb.transact_get_items(TransactItems=get[:11])["Responses"]
    assert [one["Item"] for one in read] == key[:11]
    absent = [{"Get": {"TableName": table, "Key": {"id": {"S": f"none-{number}"}}}} for number in range(99)]
    assert dynamodb.transact_get_items(TransactItems=[get[0], *absent])["Responses"][1:] == [{}] * 99

    asked = {
        "Keys": key,
        "ConsistentRead": True,
        "ProjectionExpression": "#i",
        "ExpressionAttributeNames": {"#i": "id"},
    }
    assert len(dynamodb.batch_get_item(RequestItems={table: asked})["Responses"][table]) == 42
    asked = asked | {"ProjectionExpression": "#i, #t", "ExpressionAttributeNames": {"#i": "id", "#t": "text"}}
    answer = dynamodb.batch_get_item(RequestItems={table: asked})
    left = answer["UnprocessedKeys"][table]
    assert left == asked | {"Keys": key[41:]}  # 40 items of 400 KiB, and a smaller one
    again = dynamodb.batch_get_item(RequestItems={table: left})
    assert (len(again["Responses"][table]), again["UnprocessedKeys"]) == (1, {})


def test_a_backup_keeps_its_items(engine: Engine) -> None:
    table, dynamodb = create_table(engine), engine.client("dynamodb")
    dynamodb.put_item(TableName=table, Item={"id": {"S": "a"}, "n": {"N": "1"}})
    backup = dynamodb.create_backup(TableName=table, BackupName=table)["BackupDetails"]["BackupArn"]
    change = {"UpdateExpression": "SET n = :n", "ExpressionAttributeValues": {":n": {"N": "2"}}}
    dynamodb.update_item(TableName=table, Key={"id": {"S": "a"}}, **change)
    dynamodb.restore_table_from_backup(TargetTableName=f"{table}-restored", BackupArn=backup)
    read = [
        dynamodb.get_item(TableName=each, Key={"id": {"S": "a"}})["Item"]["n"] for each in (table, f"{table}-restored")
    ]
    assert read == [{"N": "2"}, {"N": "1"}]


def test_a_query_reads_a_megabyte_of_items_as_large_as_they_are_now(engine: Engine) -> None:
    table, dynamodb = create_table(engine, "part"), engine.client("dynamodb")
    for part in "abc":
        dynamodb.put_item(TableName=table, Item={"id": {"S": "a"}, "part": {"S": part}, "text": {"S": "." * 300_000}})
    query = {
        "TableName": table,
        "KeyConditionExpression": "id = :id",
        "ExpressionAttributeValues": {":id": {"S": "a"}},
    }
    assert dynamodb.query(**query)["Count"] == 3
    longer = {"UpdateExpression": "SET #text = :text", "ExpressionAttributeNames": {"#text": "text"}}
    values = {"ExpressionAttributeValues": {":text": {"S": "." * 400_000}}}
    for part in "abc":
        dynamodb.update_item(TableName=table, Key={"id": {"S": "a"}, "part": {"S": part}}, **longer, **values)
    assert dynamodb.query(**query)["Count"] == 2


@pytest.mark.parametrize(
    "attribute",
    [
        {"S": ""},
        {"N": "1.50"},
        {"B": b"\xff\x00"},
        {"BOOL": False},
        {"NULL": True},
        {"SS": ["a", "b"]},
        {"NS": ["1", "2"]},
        {"BS": [b"\x00", b"\xff"]},
        {"L": [{"S": "S"}, {"L": []}, {"M": {}}, {"BOOL": True}, {"NULL": True}, {"N": "-1"}]},
        {"M": {"S": {"M": {"deep": {"L": [{"B": b"\xff"}, {"S": "text"}]}}}, "n": {"SS": ["a"]}}},
    ],
)
def test_an_attribute_is_read_as_it_was_written(engine: Engine, attribute: dict[str, Any]) -> None:
    table, dynamodb = create_table(engine), engine.client("dynamodb")
    key = {"id": {"S": "a"}}
    dynamodb.put_item(TableName=table, Item=key | {"put": attribute})
    updated = dynamodb.update_item(
        TableName=table, Key=key, UpdateExpression="SET #u = :u", ExpressionAttributeNames={"#u": "updated"},
        ExpressionAttributeValues={":u": attribute}, ReturnValues="ALL_NEW",
    )["Attributes"]  # fmt: skip
    expected = key | {"put": attribute, "updated": attribute}
    assert updated == expected
    assert dynamodb.get_item(TableName=table, Key=key)["Item"] == expected
    assert dynamodb.scan(TableName=table)["Items"] == [expected]
