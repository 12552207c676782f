"""DynamoDB: moto's tables, made safe for callers at the same moment.

moto compares and writes in two steps, and a transaction that fails puts back the whole table as it was before, without
what others have written meanwhile. A lock is made of a condition that only one of two callers meets.
"""

import threading
from functools import wraps
from typing import Any

_OPERATIONS = (
    "delete_item",
    "get_item",
    "put_item",
    "query",
    "scan",
    "transact_write_items",
    "update_item",
)
MOTO_NAMES = (
    "moto.dynamodb.models.dynamodb_backends",
    *(f"moto.dynamodb.models.DynamoDBBackend.{operation}" for operation in _OPERATIONS),
)


def install() -> None:
    """Put these tables in the place of moto's."""
    from moto.dynamodb import models

    class DynamoDBBackend(models.DynamoDBBackend):  # type: ignore[misc]
        """moto's DynamoDB, one operation on items at a time."""

        __module__ = models.DynamoDBBackend.__module__

    lock = threading.RLock()
    for operation in _OPERATIONS:
        setattr(DynamoDBBackend, operation, _one_at_a_time(getattr(models.DynamoDBBackend, operation), lock))
    models.dynamodb_backends.backend = DynamoDBBackend


def _one_at_a_time(operation: Any, lock: threading.RLock) -> Any:
    @wraps(operation)
    def run(*arguments: Any, **named: Any) -> Any:
        with lock:
            return operation(*arguments, **named)

    return run
