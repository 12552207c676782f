"""Schedule expressions of EventBridge: rate(...), cron(...) and at(...), and the times that they mean.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

from dateutil import tz

_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_WEEKDAYS = {name: number for number, name in enumerate(_WEEKDAY_NAMES, 1)}
_YEARS = (1970, 2199)


class InvalidExpressionError(ValueError):
    """AWS does not accept the expression or the time zone; the message repeats it."""


class Timetable(Protocol):
    """The times of a schedule."""

    def find_next(self, after: datetime) -> datetime | None:
        """The first time after another one; None if there is none."""


@dataclass(frozen=True)
class Rate:
    """A regular interval."""

    period: timedelta

    def find_next(self, after: datetime) -> datetime:
        """The time one interval later."""
        return after + self.period


@dataclass(frozen=True)
class Once:
    """One time."""

    at: datetime

    def find_next(self, after: datetime) -> datetime | None:
        """The time, if it is later."""
        return self.at if self.at > after else None


@dataclass(frozen=True)
class Cron:
    """The times of a cron expression; a local time that the clocks skip is no time.

    Parameters
    ----------
    days
        Returns whether a day, given as year, month and day, is one of the expression's.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: tuple[int, ...]
    years: tuple[int, ...]
    days: Callable[[int, int, int], bool]
    zone: tzinfo

    def find_next(self, after: datetime) -> datetime | None:
        """The first time after another one; None if there is none."""
        local = after.astimezone(self.zone)
        for year in (each for each in self.years if each >= local.year):
            for month in (each for each in self.months if (year, each) >= (local.year, local.month)):
                for day in range(1, calendar.monthrange(year, month)[1] + 1):
                    if (year, month, day) >= (local.year, local.month, local.day) and self.days(year, month, day):
                        for found in self._list_times(year, month, day):
                            if found > after:
                                return found
        return None

    def _list_times(self, year: int, month: int, day: int) -> list[datetime]:
        times = [
            datetime(year, month, day, hour, minute, tzinfo=self.zone) for hour in self.hours for minute in self.minutes
        ]
        return sorted(time.astimezone(UTC) for time in times if tz.datetime_exists(time))


def is_schedule_of_rule(expression: str) -> bool:
    """False for an expression that a rule does not take: rules need a singular unit with 1, and have no at().

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
    """
    try:
        parse(expression)
    except InvalidExpressionError:
        return False
    return not re.match(r"at\(|rate\(1 \w+s\)", expression)


def parse(expression: str, zone: str = "UTC") -> Timetable:
    """The times of an expression in a time zone.

    Raises
    ------
    InvalidExpressionError
        AWS does not accept one of the two.
    """
    place = tz.gettz(zone)
    if place is None:
        raise InvalidExpressionError(f"Invalid Schedule Expression Timezone {zone}.")
    found = re.fullmatch(r"(rate|cron|at)\((.*)\)", expression)
    try:
        if found and found[1] == "rate":
            return _parse_rate(found[2])
        if found and found[1] == "at":
            return Once(datetime.strptime(found[2], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=place).astimezone(UTC))
        if found:
            return _parse_cron(found[2].split(), place)
    except ValueError:
        pass
    raise InvalidExpressionError(f"Invalid Schedule Expression {expression}.")


def _parse_rate(text: str) -> Rate:
    found = re.fullmatch("([1-9][0-9]{0,8}) (minute|hour|day)(s?)", text)
    if not found or (found[1] != "1" and not found[3]):
        raise ValueError(text)
    return Rate(int(found[1]) * _UNITS[found[2]])


def _parse_cron(fields: list[str], zone: tzinfo) -> Cron:
    minute, hour, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?"):
        raise ValueError(fields)
    return Cron(
        _parse_field(minute, 0, 59),
        _parse_field(hour, 0, 23),
        _parse_field(month, 1, 12, _MONTHS),
        _parse_field(year, *_YEARS),
        _parse_days(day) if weekday == "?" else _parse_weekdays(weekday),
        zone,
    )


def _parse_field(text: str, first: int, last: int, names: dict[str, int] | None = None) -> tuple[int, ...]:
    """The numbers of a field: ``*``, numbers, ranges and steps, separated by commas."""
    numbers: set[int] = set()
    for entry in text.split(","):
        span, slash, step = entry.partition("/")
        start, dash, end = span.partition("-")
        low = first if start == "*" else _parse_number(start, names)
        high = _parse_number(end, names) if dash else (last if start == "*" or slash else low)
        stride = _parse_number(step) if slash else 1
        if not first <= low <= high <= last or not 1 <= stride <= last:
            raise ValueError(text)
        numbers |= set(range(low, high + 1, stride))
    return tuple(sorted(numbers))


def _parse_number(text: str, names: dict[str, int] | None = None) -> int:
    if names and text in names:
        return names[text]
    if not re.fullmatch("[0-9]{1,4}", text):
        raise ValueError(text)
    return int(text)


def _parse_days(text: str) -> Callable[[int, int, int], bool]:
    if text == "L":
        return lambda year, month, day: day == calendar.monthrange(year, month)[1]
    if text.endswith("W"):
        wanted = _parse_field(text[:-1], 1, 31)[0]
        return lambda year, month, day: day == _nearest_workday(year, month, wanted)
    days = _parse_field(text, 1, 31)
    return lambda _year, _month, day: day in days


def _nearest_workday(year: int, month: int, wanted: int) -> int | None:
    """The day from Monday to Friday that is nearest to a day, in the same month; None if there is no such day."""
    last = calendar.monthrange(year, month)[1]
    if wanted > last:
        return None
    weekday = calendar.weekday(year, month, wanted)  # Monday is 0
    if weekday == calendar.SATURDAY:
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == calendar.SUNDAY:
        return wanted + 1 if wanted < last else wanted - 2
    return wanted


def _parse_weekdays(text: str) -> Callable[[int, int, int], bool]:
    if text == "L":
        text = "7"
    if "/" in text:
        raise ValueError(text)
    if text.endswith("L"):
        (last_one,) = _parse_field(text[:-1], 1, 7, _WEEKDAYS)
        return lambda year, month, day: (
            _weekday(year, month, day) == last_one and day + 7 > calendar.monthrange(year, month)[1]
        )
    name, hash_sign, place = text.partition("#")
    weekdays = _parse_field(name, 1, 7, _WEEKDAYS)
    if hash_sign and (len(weekdays) > 1 or not 1 <= _parse_number(place) <= 5):
        raise ValueError(text)
    return lambda year, month, day: (
        _weekday(year, month, day) in weekdays and (not hash_sign or (day - 1) // 7 + 1 == int(place))
    )


def _weekday(year: int, month: int, day: int) -> int:
    """The number of a weekday in cron expressions: Sunday is 1."""
    return (calendar.weekday(year, month, day) + 1) % 7 + 1
