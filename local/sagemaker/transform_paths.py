"""The JSONPath filters of a transform job: the operators that AWS supports.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html#data-processing-operators
"""

from typing import Any

from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.jsonpath import Child, Fields, Index, JSONPath, Root, Slice, Wildcard
from jsonpath_ng.parser import parse


class PathError(Exception):
    """A filter is invalid or unsupported, or does not match a record."""


class RecordPath:
    """A filter of records.

    Parameters
    ----------
    text
        The expression.

    Raises
    ------
    PathError
        When it is not a path, or has an operator that AWS does not support.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._path: JSONPath = parse(text)
        except JSONPathError as error:
            # https://github.com/aws/sagemaker-python-sdk/issues/1112: AWS refuses ranges in lists, such as $[0:2,5:].
            raise PathError(f"Invalid JsonPath: {text}: {error}") from error
        self._parts = list(_split(self._path))
        for part in self._parts:
            if not isinstance(part, Root | Fields | Index | Slice | Wildcard) or getattr(part, "step", None):
                raise PathError(f"Invalid JsonPath: {text}: {type(part).__name__} is not supported")
        if not isinstance(self._parts[0], Root):
            raise PathError(f"Invalid JsonPath: {text}: it must begin with $")

    @property
    def is_everything(self) -> bool:
        """False for every path but ``$``."""
        return len(self._parts) == 1

    def select(self, record: Any) -> Any:
        """The selected part of a record.

        Returns
        -------
        Any
            One value, an object for several names at the end, or a list for several indexes, a slice or a wildcard.

        Raises
        ------
        PathError
            When the record lacks a name or an index.
        """
        found = self._path.find(record)
        if len(found) < self._count_least():
            raise PathError(f"the path {self.text} is not in the record")
        last = self._parts[-1]
        if all(_is_single(part) for part in self._parts):
            return found[0].value
        if isinstance(last, Fields) and all(_is_single(part) for part in self._parts[:-1]):
            return {name: match.value for name, match in zip(last.fields, found, strict=True)}
        return [match.value for match in found]

    def _count_least(self) -> int:
        """The number of values that a record must have for the path; 0 for a slice or a wildcard."""
        if any(isinstance(part, Slice | Wildcard) for part in self._parts):
            return 0
        least = 1
        for part in self._parts:
            least *= _count(part)
        return least


def _split(path: JSONPath) -> "list[JSONPath]":
    return [*_split(path.left), *_split(path.right)] if isinstance(path, Child) else [path]


def _count(part: JSONPath) -> int:
    if isinstance(part, Fields):
        return len(part.fields)
    return len(part.indices) if isinstance(part, Index) else 1


def _is_single(part: JSONPath) -> bool:
    return isinstance(part, Root | Fields | Index) and _count(part) == 1
