"""Converts DynamoDB items to plain Python values and back; numbers become int or float."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def to_item(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Convert plain values to DynamoDB's typed values."""
    from boto3.dynamodb.types import TypeSerializer

    serialize = TypeSerializer().serialize
    return {name: serialize(_with_decimals(value)) for name, value in plain.items()}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Convert DynamoDB's typed values to plain values."""
    from boto3.dynamodb.types import TypeDeserializer

    deserialize = TypeDeserializer().deserialize
    return {name: _with_numbers(deserialize(value)) for name, value in item.items()}


def _with_decimals(value: Any) -> Any:
    """Replace floats, which DynamoDB's serializer refuses."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, Mapping):
        return {name: _with_decimals(inner) for name, inner in value.items()}
    return [_with_decimals(inner) for inner in value] if isinstance(value, list) else value


def _with_numbers(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _with_numbers(inner) for name, inner in value.items()}
    return [_with_numbers(inner) for inner in value] if isinstance(value, list) else value
