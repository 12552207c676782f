"""DynamoDB: moto's tables, made thread-safe.

moto checks a condition and writes in two steps, so two concurrent conditional writes can both succeed. A failed
transaction restores the whole table, and so drops concurrent writes.
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
    """Replace moto's tables by these."""
    from moto.dynamodb import models

    class DynamoDBBackend(models.DynamoDBBackend):  # type: ignore[misc]
        """moto's DynamoDB, with one item operation at a time."""

        __module__ = models.DynamoDBBackend.__module__

    lock = threading.RLock()
    for operation in _OPERATIONS:
        setattr(DynamoDBBackend, operation, _run_with_lock(getattr(models.DynamoDBBackend, operation), lock))
    models.dynamodb_backends.backend = DynamoDBBackend


def _run_with_lock(operation: Any, lock: threading.RLock) -> Any:
    @wraps(operation)
    def run(*arguments: Any, **named: Any) -> Any:
        with lock:
            return operation(*arguments, **named)

    return run
