"""The kinds of values of a schedule: an expression of EventBridge Scheduler, and a time zone.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html has the rules of both. Forms that the page
does not describe, such as a range that ends before it begins, are refused, because Scheduler may refuse them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic_core import CoreSchema, core_schema

from sagebuild.parameters.groups import refuse_object
from sagebuild.parameters.kinds import Kind

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
# https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
_LONGEST = 256  # characters
_SHOWN = 60  # characters of a part that a sentence shows


@dataclass(frozen=True)
class _Field:
    """One of the six fields of a cron expression.

    Parameters
    ----------
    steps
        Whether the field takes steps, such as 0/15.
    special
        Regular expression of the field's own forms, such as L for the last day of the month.
    forms
        Examples of the field's own forms, for a message.
    """

    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()
    steps: bool = True
    special: str = ""
    forms: str = ""
    numbers: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", {name: self.first + at for at, name in enumerate(self.names)})

    @property
    def allowed(self) -> str:
        """What the field may hold, to end the sentence "it must be ..."."""
        words = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
        step = ", a step such as 1/2" if self.steps else ""
        numbers = f"*, {self.first} to {self.last}{words}, a range{step}"
        return f"{numbers}, {self.forms or 'or'} a list of these with commas"

    def check(self, text: str) -> None:
        """Raise if the field's text is not allowed."""
        if self.special and re.fullmatch(self.special, text):
            return
        if not all(self._is_entry(entry) for entry in text.split(",")):
            raise refuse_object(f"has the {self.name} {_quote(text)}; it must be {self.allowed}")

    def _is_entry(self, entry: str) -> bool:
        start, slash, step = entry.partition("/")
        if slash and not (self.steps and re.fullmatch(r"[1-9]\d{0,3}", step, re.ASCII) and int(step) <= self.last):
            return False
        if start == "*":
            return True
        ends = [self._read(end) for end in start.split("-")]
        return len(ends) <= 2 and None not in ends and ends == sorted(ends, key=lambda end: end or 0)

    def _read(self, text: str) -> int | None:
        number = self.numbers.get(text, int(text) if re.fullmatch(r"\d{1,4}", text, re.ASCII) else -1)
        return number if self.first <= number <= self.last else None


_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day of the month", 1, 31, special=r"L|([1-9]|[12]\d|3[01])W", forms="L or 3W alone, or")
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field(
    "day of the week",
    1,
    7,
    _WEEKDAYS,
    steps=False,
    special=rf"([1-7]|{'|'.join(_WEEKDAYS)})?L|([1-7]|{'|'.join(_WEEKDAYS)})#[1-5]",
    forms="L, 6L or 6#3 alone, or",
)
_YEAR = _Field("year", 1970, 2199)


@dataclass(frozen=True)
class ScheduleExpression(Kind):
    """A rate or a cron expression of EventBridge Scheduler."""

    allowed = "a schedule such as rate(7 days) or cron(0 6 ? * MON *)"

    def read(self, value: Any) -> str:
        text = " ".join(value.split()) if isinstance(value, str) else ""
        form = re.fullmatch(r"(rate|cron|at) ?\( ?(.*?) ?\)", text)
        if not form or len(text) > _LONGEST:
            raise ValueError
        kind, fields = form[1], form[2].split(" ")
        if kind == "at":
            raise refuse_object("is for one time; it must repeat, as rate(7 days) or cron(0 6 ? * MON *) do")
        if kind == "rate":
            return f"rate({_read_rate(fields)})"
        return f"cron({_read_cron([each.upper() for each in fields])})"

    def schema(self) -> CoreSchema:
        return core_schema.str_schema(pattern=r"^\s*(rate|cron)\s*\(.+\)\s*$", max_length=_LONGEST)


def _quote(text: str) -> str:
    return json.dumps(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}...")


def _read_rate(fields: list[str]) -> str:
    """Read the number and the unit of a rate; with 1, the unit becomes singular.

    The rules of EventBridge refuse "1 days", as https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rate-expressions.html
    says. Of Scheduler's pages, schedule-types.html has plural units only, and API_CreateSchedule.html has both.
    """
    text = " ".join(fields)
    found = re.fullmatch(r"([1-9]\d{0,8}) (minute|hour|day)(s?)", text, re.ASCII)
    if not found:
        allowed = "a whole number above 0 and minutes, hours or days, as in rate(12 hours)"
        raise refuse_object(f"has the rate {_quote(text)}; it must be {allowed}")
    if found[1] != "1" and not found[3]:
        raise refuse_object(f"has the rate {_quote(text)}; with {found[1]} the unit must be {found[2]}s")
    return text.removesuffix("s") if found[1] == "1" else text


def _read_cron(fields: list[str]) -> str:
    names = "minute, hour, day of the month, month, day of the week and year"
    if len(fields) != 6:
        raise refuse_object(f"has a cron expression of {len(fields)} instead of six fields: {names}")
    day, weekday = fields[2], fields[4]
    if (day == "?") == (weekday == "?"):
        given = f"the day of the month {_quote(day)} and the day of the week {_quote(weekday)}"
        raise refuse_object(f"has {given}; exactly one of them must be ?")
    for each, text in zip((_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY, _YEAR), fields, strict=True):
        if text != "?" or each not in (_DAY, _WEEKDAY):
            each.check(text)
    return " ".join(fields)


@dataclass(frozen=True)
class TimeZone(Kind):
    """The name of a time zone in the IANA database."""

    allowed = "the name of an IANA time zone, such as Europe/Berlin or UTC"

    def read(self, value: Any) -> str:
        text = value.strip() if isinstance(value, str) else ""
        if text not in _list_time_zones():
            raise ValueError
        return text

    def schema(self) -> CoreSchema:
        # https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html: at most 50 characters.
        return core_schema.str_schema(min_length=1, max_length=50)


@cache
def _list_time_zones() -> frozenset[str]:
    # dateutil brings its own copy of the database; Python's zoneinfo needs one on the machine. Reading it takes 0.2 s.
    from dateutil.zoneinfo import get_zonefile_instance

    return frozenset(get_zonefile_instance().zones)
