"""DynamoDB in local/: of concurrent conditional writes only one succeeds."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.engine import Engine
from tests.local.functions import name

CALLERS = 8
NEVER = "attribute_exists(id)"


def create_table(engine: Engine) -> str:
    """Create a table with the key ``id``; return its name."""
    table = name("table")
    engine.client("dynamodb").create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
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
