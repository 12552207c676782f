"""The kinds of values that parameters take: each reads a typed value, or says which values are allowed."""

import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from sagebuild.parameters.json_text import to_text

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def read_number(value: object) -> int | float:
    """Return the finite number in a JSON number or string (" 4 ", "1e3"); raise ValueError for anything else."""
    if isinstance(value, str) and len(value) < 40 and NUMBER.fullmatch(value.strip()):
        value = float(value) if re.search("[.eE]", value) else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    return int(value) if value == int(value) and abs(value) < 2**63 else value


class Kind(ABC):
    """A marker for Annotated that reads a raw value; its schema is only for the JSON Schema."""

    @property
    @abstractmethod
    def allowed(self) -> str:
        """The allowed values, to end the sentence "it must be ..."."""

    @abstractmethod
    def read(self, value: Any) -> Any:
        """Return the value; raise ValueError, or the error of `refuse_object`, if it is not allowed."""

    @abstractmethod
    def schema(self) -> CoreSchema:
        """Return the schema of the value."""

    def __get_pydantic_core_schema__(self, annotation: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        optional = type(None) in get_args(annotation)

        def read_or_refuse(value: Any) -> Any:
            # Documents may write "none" for a value that is not given.
            if optional and (value is None or value == "none"):
                return None
            try:
                return self.read(value)
            except PydanticCustomError:  # a sentence of its own
                raise
            except ValueError:
                raise PydanticCustomError("allowed", "{allowed}", {"allowed": self.allowed}) from None

        schema = core_schema.nullable_schema(self.schema()) if optional else self.schema()
        return core_schema.no_info_plain_validator_function(read_or_refuse, json_schema_input_schema=schema)


@dataclass(frozen=True)
class WholeNumber(Kind):
    """An integer; a string or 10.0 is accepted, too."""

    minimum: int
    maximum: int
    unit: str = ""

    @property
    def allowed(self) -> str:
        return f"a whole number{self.unit and f' of {self.unit}'} from {self.minimum} to {self.maximum}"

    def read(self, value: Any) -> int:
        number = read_number(value)
        if not isinstance(number, int) or not self.minimum <= number <= self.maximum:
            raise ValueError
        return number

    def schema(self) -> CoreSchema:
        return core_schema.int_schema(ge=self.minimum, le=self.maximum)


@dataclass(frozen=True)
class Hours(Kind):
    """A duration, which may be a fraction."""

    minimum: float
    maximum: int

    @property
    def allowed(self) -> str:
        return f"a number of hours from {self.minimum} to {self.maximum}"

    def read(self, value: Any) -> float:
        number = read_number(value)
        if not self.minimum <= number <= self.maximum:
            raise ValueError
        return number

    def schema(self) -> CoreSchema:
        return core_schema.float_schema(ge=self.minimum, le=self.maximum)


@dataclass(frozen=True)
class Dollars(Kind):
    """An amount of US dollars, which may be a fraction."""

    maximum: int

    @property
    def allowed(self) -> str:
        return f"an amount of US dollars above 0 and at most {self.maximum}"

    def read(self, value: Any) -> float:
        number = read_number(value)
        if not 0 < number <= self.maximum:
            raise ValueError
        return number

    def schema(self) -> CoreSchema:
        return core_schema.float_schema(gt=0, le=self.maximum)


@dataclass(frozen=True)
class Number(Kind):
    """An integer or a fraction."""

    allowed = "a number"

    def read(self, value: Any) -> int | float:
        return read_number(value)

    def schema(self) -> CoreSchema:
        return core_schema.union_schema([core_schema.int_schema(), core_schema.float_schema()])


@dataclass(frozen=True)
class Flag(Kind):
    """True or false; a string is accepted, too."""

    allowed = "true or false"

    def read(self, value: Any) -> bool:
        text = to_text(value).strip().lower()
        if text not in ("true", "false"):
            raise ValueError
        return text == "true"

    def schema(self) -> CoreSchema:
        return core_schema.bool_schema()


@dataclass(frozen=True)
class Choice(Kind):
    """One of the words of a Literal or a tuple, in upper or lower case."""

    words_of: Any

    @property
    def words(self) -> tuple[str, ...]:
        """The allowed words."""
        return self.words_of if isinstance(self.words_of, tuple) else get_args(self.words_of)

    @property
    def allowed(self) -> str:
        return f"one of {', '.join(self.words)}"

    def read(self, value: Any) -> str:
        words: dict[str, str] = {word.lower(): word for word in self.words}
        word = value.strip().lower() if isinstance(value, str) else ""
        if word not in words:
            raise ValueError
        return words[word]

    def schema(self) -> CoreSchema:
        return core_schema.literal_schema(list(self.words))
