"""DynamoDB in local/: of concurrent conditional writes only one succeeds, and a failed transaction changes nothing."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

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
