"""The kinds of values that are text for AWS: strings of a form, versions, patterns, scalars and JSON."""

import re
import warnings
from dataclasses import dataclass
from typing import Any

from pydantic_core import CoreSchema, core_schema

from sagebuild.parameters.json_text import to_text
from sagebuild.parameters.kinds import Kind


@dataclass(frozen=True)
class Text(Kind):
    """A string that matches a pattern."""

    what: str
    pattern: str = r"[\s\S]+"
    maximum: int = 1024

    @property
    def allowed(self) -> str:
        return self.what

    def read(self, value: Any) -> str:
        text = value.strip() if isinstance(value, str) else ""
        if len(text) > self.maximum or not re.fullmatch(self.pattern, text):
            raise ValueError
        return text

    def schema(self) -> CoreSchema:
        return core_schema.str_schema(pattern=f"^(?:{self.pattern})$", max_length=self.maximum)


@dataclass(frozen=True)
class Version(Text):
    """A version; the number 1 is accepted, but not 1.1, which could also mean 1.10."""

    what: str = 'a version in quotation marks, such as "1.8"'
    pattern: str = r"[0-9]+([.-][0-9A-Za-z]+)*|latest"
    maximum: int = 30

    def read(self, value: Any) -> str:
        return super().read(str(value) if type(value) is int else value)


@dataclass(frozen=True)
class MetricPattern(Text):
    """A regular expression that finds a metric in the log."""

    what: str = "a regular expression of at most 500 characters with a group for the value, such as loss=([0-9.]+)"
    pattern: str = r".+"
    maximum: int = 500

    def read(self, value: Any) -> str:
        text = super().read(value)
        try:
            with warnings.catch_warnings():  # a future Python may read "[[" differently; SageMaker is not Python
                warnings.simplefilter("ignore", FutureWarning)
                groups = re.compile(text).groups
        except (re.error, OverflowError, RecursionError):
            raise ValueError from None
        if not groups:
            raise ValueError
        return text


@dataclass(frozen=True)
class Scalar(Kind):
    """A string, number or boolean, as a string for AWS."""

    maximum: int

    @property
    def allowed(self) -> str:
        return f"a string, number or boolean of at most {self.maximum} characters"

    def read(self, value: Any) -> str:
        if not isinstance(value, str | int | float) or len(to_text(value)) > self.maximum:
            raise ValueError
        return to_text(value)

    def schema(self) -> CoreSchema:
        return core_schema.str_schema(max_length=self.maximum)


@dataclass(frozen=True)
class TypedScalar(Scalar):
    """A string, number or boolean that keeps its type."""

    def read(self, value: Any) -> Any:
        super().read(value)
        return value

    def schema(self) -> CoreSchema:
        return core_schema.union_schema(
            [
                core_schema.str_schema(max_length=self.maximum),
                core_schema.int_schema(),
                core_schema.float_schema(),
                core_schema.bool_schema(),
            ]
        )


@dataclass(frozen=True)
class JsonText(Kind):
    """Any JSON value, sent to AWS as a string."""

    maximum: int

    @property
    def allowed(self) -> str:
        return f"at most {self.maximum} characters long as text"

    def read(self, value: Any) -> Any:
        if len(to_text(value)) > self.maximum:
            raise ValueError
        return value

    def schema(self) -> CoreSchema:
        return core_schema.any_schema()
