"""DynamoDB: refuses batches and transactions that are too large, and completes moto's answers to those that read.

It carries out a transaction with a ClientRequestToken once; moto ignores the token.
"""

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from flask import request
from moto.core.responses import ActionResult
from moto.dynamodb import responses
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType

from local import calls
from local.errors import RefusedError
from local.messages import Given, Refusal

MOTO_NAMES = (
    "moto.core.responses.ActionResult",
    "moto.dynamodb.models.dynamo_type.DynamoType.size",
    "moto.dynamodb.models.dynamodb_backends",
    "moto.dynamodb.responses.DynamoHandler.batch_get_item",
    "moto.dynamodb.responses.DynamoHandler.transact_get_items",
    "moto.dynamodb.responses.DynamoHandler.transact_write_items",
    "moto.dynamodb.responses.DynamoResult",
    "moto.dynamodb.responses.ProjectionExpressionParser",
    "moto.dynamodb.responses.TRANSACTION_MAX_ITEMS",
)
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
_BATCH_REQUESTS, _BATCH_BYTES = 25, 16 * 1024 * 1024
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_TRANSACTION_ITEMS, _TRANSACTION_BYTES, _TOKEN_SECONDS = 100, 4 * 1024 * 1024, 600
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html: with the names of its attributes
ITEM_BYTES = 400 * 1024
_CODE = "ValidationException"


def install() -> None:
    """Complete the answers of moto's reading batches and transactions, and carry out repeated transactions once."""
    handler, transactions = responses.DynamoHandler, FinishedTransactions()
    responses.TRANSACTION_MAX_ITEMS = _TRANSACTION_ITEMS
    handler.batch_get_item = _keep_options(handler.batch_get_item)
    handler.transact_get_items = _project(handler.transact_get_items)
    handler.transact_write_items = _write_once(handler.transact_write_items, transactions)


class FinishedTransactions:
    """The answers to the transactions of the last 10 minutes that had a ClientRequestToken."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._finished: OrderedDict[tuple[str, ...], tuple[float, bytes, Any]] = OrderedDict()

    def run(self, owner: tuple[str, str], given: Given, operation: Callable[[], Any]) -> Any:
        """Return the answer to an earlier identical request, else that of the operation.

        Parameters
        ----------
        owner
            The account and the region.

        Raises
        ------
        RefusedError
            If another request has the same token.
        """
        token = (*owner, str(given["ClientRequestToken"]))
        digest = hashlib.sha256(json.dumps(given, sort_keys=True).encode()).digest()
        with self._lock:
            self._forget_old()
            if token not in self._finished:
                answer = operation()
                self._finished[token] = self._clock(), digest, answer
            _, earlier, answer = self._finished[token]
        if earlier != digest:
            code = "IdempotentParameterMismatchException"
            raise RefusedError(code, f"A different request has the ClientRequestToken {given['ClientRequestToken']}.")
        return answer

    def _forget_old(self) -> None:
        oldest = self._clock() - _TOKEN_SECONDS
        while self._finished and next(iter(self._finished.values()))[0] <= oldest:
            self._finished.popitem(last=False)


def measure(attributes: Given) -> int:
    """The bytes of an item, or of a part of it: the names and values of its attributes."""
    return sum(len(name.encode()) + DynamoType(value).size() for name, value in attributes.items())


def _check_batch_write(given: Given) -> Iterator[Refusal]:
    batches: dict[str, list[Given]] = given.get("RequestItems") or {}
    if sum(map(len, batches.values())) > _BATCH_REQUESTS:
        yield _CODE, "Too many items requested for the BatchWriteItem call"
    if (request.content_length or 0) > _BATCH_BYTES:
        yield _CODE, f"The request is larger than {_BATCH_BYTES} bytes."
    for name, requested in batches.items():
        items = [one["PutRequest"]["Item"] for one in requested if "PutRequest" in one]
        if any(measure(item) > ITEM_BYTES for item in items):
            yield _CODE, "Item size has exceeded the maximum allowed size"
        keys = [*items, *(one["DeleteRequest"]["Key"] for one in requested if "DeleteRequest" in one)]
        if _has_duplicates(name, keys):
            yield _CODE, "Provided list of item keys contains duplicates"


def _has_duplicates(table_name: str, keys: list[Given]) -> bool:
    """Whether two of these items have the same key; False for a table that does not exist, which moto reports."""
    call = calls.current()
    assert call is not None
    table = dynamodb_backends[call.account][call.region].tables.get(table_name.rpartition("/")[2])
    if table is None:
        return False
    found = {tuple(str(key.get(name)) for name in table.attribute_keys) for key in keys}
    return len(found) < len(keys)


def _check_transact_write(given: Given) -> Iterator[Refusal]:
    actions = [action for one in given.get("TransactItems") or [] for action in one.values()]
    parts = [action.get(name) or {} for action in actions for name in ("Item", "Key", "ExpressionAttributeValues")]
    yield from _limit_transaction(sum(map(measure, parts)))


def _limit_transaction(size: int) -> Iterator[Refusal]:
    # AWS documents the limit, and that it rejects the request, but no code.
    if size > _TRANSACTION_BYTES:
        yield _CODE, f"The items of the transaction have {size} bytes; {_TRANSACTION_BYTES} are allowed."


def _keep_options(batch_get_item: Any) -> Any:
    """Return an operation whose UnprocessedKeys have the options of the request, so that they can be sent again."""

    @wraps(batch_get_item)
    def run(handler: Any) -> ActionResult:
        answer: ActionResult = batch_get_item(handler)
        unprocessed: Any = answer.result
        for name, keys in unprocessed["UnprocessedKeys"].items():
            asked = handler.body["RequestItems"][name]
            keys.update({option: value for option, value in asked.items() if option != "Keys"})
        return answer

    return run


def _project(transact_get_items: Any) -> Any:
    """Return an operation that limits the items, and reads only the attributes of the projections; moto reads all."""

    @wraps(transact_get_items)
    def run(handler: Any) -> ActionResult:
        answer: Any = transact_get_items(handler).result
        reads = [one["Get"] for one in handler.body["TransactItems"]]
        whole = [handler.dynamodb_backend.get_item(one["TableName"], one["Key"]) for one in reads]
        for code, message in _limit_transaction(sum(item.size() for item in whole if item)):
            raise RefusedError(code, message)
        items = [_read(handler.dynamodb_backend, one) for one in reads]
        return responses.DynamoResult(answer | {"Responses": items})

    return run


def _write_once(transact_write_items: Any, transactions: FinishedTransactions) -> Any:
    @wraps(transact_write_items)
    def run(handler: Any) -> Any:
        if not handler.body.get("ClientRequestToken"):
            return transact_write_items(handler)
        owner = (handler.current_account, handler.region)
        return transactions.run(owner, handler.body, lambda: transact_write_items(handler))

    return run


def _read(backend: Any, asked: Given) -> Any:
    names = asked.get("ExpressionAttributeNames") or {}
    parser = responses.ProjectionExpressionParser(asked.get("ProjectionExpression"), names)
    item = backend.get_item(asked["TableName"], asked["Key"], parser.parse())
    return item.describe_attrs(attributes=None) if item else {}


RULES: dict[str, Callable[[Given], Iterator[Refusal]]] = {
    "dynamodb:BatchWriteItem": _check_batch_write,
    "dynamodb:TransactWriteItems": _check_transact_write,
}
