"""Shortcuts for what moto works out again in each call: a third of the engine's processor time in a build."""

from functools import cache
from typing import Any

MOTO_NAMES = (
    "moto.core.responses.method_names_from_class",
    "moto.core.serialize.ResponseSerializer.get_value",
)


def install() -> None:
    """Serialize dictionaries of AWS's names as they are, and remember the operations of each service."""
    from moto.core import responses
    from moto.core.serialize import ResponseSerializer

    search: Any = ResponseSerializer.get_value

    def get_value(self: Any, value: Any, key: str, shape: Any) -> Any:
        # Other values may have a member under one of a dozen other names. A transformer also replaces missing values.
        if type(value) is dict and not getattr(self._value_picker, "response_transformers", None):
            structure = getattr(shape, "parent", None)
            if structure is not None and value.keys() <= structure.members.keys():
                return value.get(key)
        return search(self, value, key, shape)

    ResponseSerializer.get_value = get_value
    responses.method_names_from_class = cache(responses.method_names_from_class)
