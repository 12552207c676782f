"""DynamoDB: moto's tables, made thread-safe, and with streams that others read.

moto checks a condition and writes in two steps, so two concurrent conditional writes can both succeed. A failed
transaction restores the whole table, and so drops concurrent writes; a transaction copies all items of its tables. Each
iterator of a stream keeps the table as it was, forever.
"""

import copy
import threading
from collections import defaultdict
from functools import wraps
from types import SimpleNamespace
from typing import Any

from local import table_batches
from local.database import Packed
from local.table_batches import ITEM_BYTES

_OPERATIONS = (
    "delete_item",
    "get_item",
    "put_item",
    "query",
    "scan",
    "transact_write_items",
    "update_item",
)
_KEPT_RECORDS = 1000  # of a stream
MOTO_NAMES = (
    "moto.dynamodb.exceptions.ItemSizeTooLarge",
    "moto.dynamodb.models.dynamo_type.DynamoType.size",
    "moto.dynamodb.models.dynamo_type.Item.__deepcopy__",  # without the remembered size
    "moto.dynamodb.models.dynamo_type.Item.size",
    "moto.dynamodb.models.dynamo_type.LimitedSizeDict",
    "moto.dynamodb.models.dynamodb_backends",
    "moto.dynamodb.models.table.StreamRecord.to_json",
    "moto.dynamodb.models.table.copy.deepcopy",
    "moto.dynamodb.models.table.StreamShard",
    *(f"moto.dynamodb.models.DynamoDBBackend.{operation}" for operation in _OPERATIONS),
    "moto.dynamodbstreams.models.DynamoDBStreamsBackend._get_table_from_arn",
    "moto.dynamodbstreams.models.DynamoDBStreamsBackend.get_records",
    "moto.dynamodbstreams.models.DynamoDBStreamsBackend.get_shard_iterator",
    "moto.dynamodbstreams.models.ShardIterator.arn",
    "moto.dynamodbstreams.models.dynamodbstreams_backends",
)


def install() -> None:
    """Replace moto's tables by these."""
    from moto.dynamodb import models
    from moto.dynamodb.models import dynamo_type, table

    class StreamRecord(table.StreamRecord):  # type: ignore[misc]
        """moto's record, outside the memory: it has two images of an item, as nested objects."""

        __module__ = table.StreamRecord.__module__

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self._packed = Packed(self.record)
            del self.record

        def to_json(self) -> Any:
            """The record as GetRecords returns it."""
            return self._packed.read()

    class StreamShard(table.StreamShard):  # type: ignore[misc]
        """moto's shard, which invokes no function and forgets the oldest records."""

        __module__ = table.StreamShard.__module__
        items: list[Any]

        @property
        def newest(self) -> int:
            """The sequence number of the newest record; less than the first one's if there is none."""
            return int(self.starting_sequence_number) + len(self.items) - 1

        def add(self, old: Any, new: Any) -> None:
            """Add the change of an item; a write that changes nothing adds no record."""
            if old is not None and new is not None and old.to_json() == new.to_json():
                return
            kind, name = self.table.stream_specification["StreamViewType"], _name_change(old, new)
            self.items.append(StreamRecord(self.table, kind, name, old, new, self.newest + 1))
            dropped = max(0, len(self.items) - _KEPT_RECORDS)
            self.items = self.items[dropped:]
            self.starting_sequence_number += dropped

        def __deepcopy__(self, memo: dict[int, Any]) -> Any:
            """A copy for moto's transactions; the records never change."""
            copied = copy.copy(self)
            memo[id(self)] = copied
            copied.items, copied.table = list(self.items), copy.deepcopy(self.table, memo)
            return copied

    table.StreamShard = StreamShard
    table.Table.__deepcopy__ = _copy_table
    dynamo_type.LimitedSizeDict.__setitem__ = _set_attribute
    table.copy = SimpleNamespace(copy=copy.copy, deepcopy=_copy_result)
    dynamo_type.Item.size = _remember_size(dynamo_type.Item.size)

    class DynamoDBBackend(models.DynamoDBBackend):  # type: ignore[misc]
        """moto's DynamoDB, with one item operation at a time."""

        __module__ = models.DynamoDBBackend.__module__

        def update_item(self, table_name: str, key: dict[str, Any], *arguments: Any, **named: Any) -> Any:
            """Update a copy of the item, which replaces it."""
            if table_name in self.tables:
                _replace_by_copy(self.tables[table_name], key)
            return super().update_item(table_name, key, *arguments, **named)

    lock = threading.RLock()
    for operation in _OPERATIONS:
        setattr(DynamoDBBackend, operation, _run_with_lock(getattr(DynamoDBBackend, operation), lock))
    models.dynamodb_backends.backend = DynamoDBBackend
    _install_streams()
    table_batches.install()


def _install_streams() -> None:
    from moto.core.exceptions import AWSError
    from moto.dynamodbstreams import models

    class DynamoDBStreamsBackend(models.DynamoDBStreamsBackend):  # type: ignore[misc]
        """moto's streams, whose iterators are sequence numbers and keep nothing."""

        __module__ = models.DynamoDBStreamsBackend.__module__

        def get_shard_iterator(self, *arguments: Any, **named: Any) -> Any:
            """The iterator for a position in a stream."""
            iterator = super().get_shard_iterator(*arguments, **named)
            self.shard_iterators.clear()
            iterator.id = str(iterator.sequence_number)
            return iterator

        def get_records(self, iterator_arn: str, limit: int) -> dict[str, Any]:
            """The records from an iterator on, and the next iterator."""
            stream, _, number = iterator_arn.rpartition("|1|")
            if not number.isdecimal():
                raise AWSError("Invalid ShardIterator", "ValidationException")
            shard, position = self._get_table_from_arn(stream).stream_shard, int(number)
            if position < shard.starting_sequence_number:
                # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetRecords.html
                raise AWSError(f"The record {position} is no longer kept", "TrimmedDataAccessException")
            records = shard.get(position, limit)
            return {"NextShardIterator": f"{stream}|1|{position + len(records)}", "Records": records}

    models.dynamodbstreams_backends.backend = DynamoDBStreamsBackend


def _run_with_lock(operation: Any, lock: threading.RLock) -> Any:
    @wraps(operation)
    def run(*arguments: Any, **named: Any) -> Any:
        with lock:
            return operation(*arguments, **named)

    return run


def _copy_table(table: Any, memo: dict[int, Any]) -> Any:
    """A copy of a table that shares its items: an item that is stored never changes, it is only replaced."""
    copied = memo[id(table)] = copy.copy(table)
    shared = {key: dict(items) if isinstance(items, dict) else items for key, items in table.items.items()}
    copied.items = defaultdict(dict, shared)
    for name, value in vars(table).items():
        if name != "items":
            setattr(copied, name, copy.deepcopy(value, memo))
    return copied


def _replace_by_copy(table: Any, key: dict[str, Any]) -> None:
    """Replace the item with a key by a copy, which moto changes."""
    from moto.dynamodb.models.dynamo_type import DynamoType

    names = [name for name in (table.hash_key_attr, table.range_key_attr) if name]
    if any(name not in key for name in names):
        return  # moto refuses the key
    item = table.get_item(*(DynamoType(key[name]) for name in names))
    if item is None:
        return
    if table.range_key_attr:
        table.items[item.hash_key][item.range_key] = copy.deepcopy(item)
    else:
        table.items[item.hash_key] = copy.deepcopy(item)


def _copy_result(value: Any) -> Any:
    """A copy; not of items that a query or scan finds, before its filter: a stored item never changes."""
    from moto.dynamodb.models.dynamo_type import Item

    if isinstance(value, Item):
        return value
    if isinstance(value, list) and all(isinstance(each, Item) for each in value):
        return list(value)
    return copy.deepcopy(value)


def _remember_size(count_size: Any) -> Any:
    """The size of an item, which a query adds up for all items that it reads: a stored item never changes."""

    def size(item: Any) -> int:
        if "size_in_bytes" not in vars(item):
            item.size_in_bytes = count_size(item)
        return int(item.size_in_bytes)

    return size


def _set_attribute(item: dict[str, Any], name: str, value: Any) -> None:
    """Set an attribute of an item, unless the item becomes larger than DynamoDB allows; moto allows less."""
    from moto.dynamodb.exceptions import ItemSizeTooLarge

    if sum(len(key.encode()) + each.size() for key, each in {**item, name: value}.items()) > ITEM_BYTES:
        raise ItemSizeTooLarge
    dict.__setitem__(item, name, value)


def _name_change(old: Any, new: Any) -> str:
    if old is None:
        return "INSERT"
    return "REMOVE" if new is None else "MODIFY"
