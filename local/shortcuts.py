"""Shortcuts for what moto works out again in each call: a third of the engine's processor time in a build."""

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from botocore.loaders import JSONFileLoader

MOTO_NAMES = (
    "moto.core.loaders.moto_root",
    "moto.core.responses.method_names_from_class",
    "moto.core.serialize.BaseJSONSerializer._default_serialize",
    "moto.core.serialize.BaseJSONSerializer._serialize_type_structure",
    "moto.core.serialize.ResponseSerializer.get_value",
    "moto.dynamodb.parsing.ast_nodes.Node",
)


def install() -> None:
    """Serialize dictionaries of AWS's names and items of DynamoDB as they are, and copy expressions without pickle.

    The operations of each service are remembered. Descriptions that nothing changes are read once, for moto and for the
    engine's clients.
    """
    from moto.core import responses
    from moto.core.serialize import BaseJSONSerializer, ResponseSerializer
    from moto.dynamodb.parsing.ast_nodes import Node

    search: Any = ResponseSerializer.get_value
    serialize_members: Any = BaseJSONSerializer._serialize_type_structure

    def get_value(self: Any, value: Any, key: str, shape: Any) -> Any:
        # Other values may have a member under one of a dozen other names. A transformer also replaces missing values.
        if type(value) is dict and not getattr(self._value_picker, "response_transformers", None):
            structure = getattr(shape, "parent", None)
            if structure is not None and value.keys() <= structure.members.keys():
                return value.get(key)
        return search(self, value, key, shape)

    def serialize_structure(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        service = self.operation_model.service_model.service_name
        is_attribute = shape.name == "AttributeValue" and service in ("dynamodb", "dynamodbstreams")
        if key and is_attribute and _is_json(value):
            self._default_serialize(serialized, value, shape, key)
        else:
            serialize_members(self, serialized, value, shape, key)

    ResponseSerializer.get_value = get_value
    BaseJSONSerializer._serialize_type_structure = serialize_structure
    Node.__deepcopy__ = _copy_node
    loader: Any = JSONFileLoader
    loader.load_file = _read_once(loader.load_file)
    responses.method_names_from_class = cache(responses.method_names_from_class)


def _read_once(load: Any) -> Any:
    """The method ``load_file`` for all loaders of botocore together.

    moto merges its own additions into the descriptions of some services, such as other codes of SQS's errors, by which
    clients do not find their exceptions. botocore takes the bucket out of the paths of S3's description before a call,
    and moto needs it in them.
    """
    from moto.core.loaders import moto_root

    changed = {"s3"} | {path.parts[-3] for path in Path(moto_root).glob("*/*/*.moto-extras.json*")}

    @cache
    def read(path: str) -> Any:
        return load(JSONFileLoader(), path)

    return lambda loader, path: load(loader, path) if changed.intersection(Path(path).parts[-3:-2]) else read(path)


def _is_json(attribute: Any) -> bool:
    """Whether an attribute of an item is in DynamoDB's JSON; False for bytes, and for sets, which may have some."""
    if type(attribute) is not dict or len(attribute) != 1:
        return False
    ((kind, value),) = attribute.items()
    match kind:
        case "S" | "N":
            return type(value) is str
        case "BOOL" | "NULL":
            return type(value) is bool
        case "L":
            return type(value) is list and all(map(_is_json, value))
        case "M":
            return type(value) is dict and all(map(_is_json, value.values()))
    return False


def _copy_node(node: Any, memo: dict[int, Any]) -> Any:
    """A copy of a node of DynamoDB's parsed expressions."""
    copied = memo[id(node)] = object.__new__(type(node))
    for name, value in vars(node).items():
        setattr(copied, name, deepcopy(value, memo))
    return copied
