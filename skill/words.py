"""Small parts of sentences: ages, durations, numbers, amounts, and the spoken form of AWS's names."""

from datetime import UTC, datetime
from math import ceil

from skill.speech import Quote, Sentence, Value

_DOLLARS_WITHOUT_CENTS = 100
_MINUTE, _HOUR, _DAY, _WEEK = 60, 3600, 86_400, 604_800  # seconds

# The parameters that voice may read and set.
PARAMETERS = {
    "hostinstancecount": Sentence("parameter.hostinstancecount"),
    "hostinstancetype": Sentence("parameter.hostinstancetype"),
    "traininstancecount": Sentence("parameter.traininstancecount"),
    "traininstancetype": Sentence("parameter.traininstancetype"),
    "trainvolumesize": Sentence("parameter.trainvolumesize"),
    "trainmaxrun": Sentence("parameter.trainmaxrun"),
    "maxtrainingjobs": Sentence("parameter.maxtrainingjobs"),
}


def say_age(moment: datetime, now: datetime) -> Sentence:
    """Say how long ago something happened, in the largest unit that fits."""
    seconds = int((now - moment).total_seconds())
    if seconds < 10:
        return Sentence("ago.now")
    if seconds < _MINUTE:
        return Sentence("ago.seconds", count=seconds)
    if seconds < _HOUR:
        return Sentence("ago.minutes", count=seconds // _MINUTE)
    if seconds < _DAY:
        return Sentence("ago.hours", count=seconds // _HOUR)
    if seconds < _WEEK:
        return Sentence("ago.days", count=seconds // _DAY)
    return Sentence("ago.weeks", count=seconds // _WEEK)


def say_duration(seconds: float) -> Sentence:
    """Say how long something takes, rounded to the unit that a person would use."""
    if seconds < 60:
        return Sentence("duration.seconds", count=max(1, round(seconds)))
    if seconds < 90:
        return Sentence("duration.minutes", count=1)
    minutes = round(seconds / _MINUTE)
    return _say_minutes(minutes if minutes < _HOUR / _MINUTE else round(minutes / 15) * 15)


def count_units(span: Sentence) -> int:
    """Return the number of the largest unit of a span, with which the verb agrees."""
    first = span.values.get("first", span)
    count = first.values["count"] if isinstance(first, Sentence) else 0
    return count if isinstance(count, int) else 0


def say_limit(seconds: float) -> Sentence:
    """Say the longest time that something takes; it is never rounded down."""
    return _say_minutes(max(1, ceil(seconds / _MINUTE - 1e-6)))


def _say_minutes(minutes: int) -> Sentence:
    hours, rest = divmod(minutes, 60)
    if not hours:
        return Sentence("duration.minutes", count=minutes)
    if rest == 30:
        return Sentence("duration.hours.half", count=hours)
    whole = Sentence("duration.hours", count=hours)
    return Sentence("duration.and", first=whole, second=Sentence("duration.minutes", count=rest)) if rest else whole


def say_number(value: float) -> str | Sentence:
    """Say a number with four significant digits and the decimal sign of the language."""
    short = f"{value:.4g}"
    if not 1e-4 <= abs(value) < 1e12 and value:
        return short
    whole, _, fraction = f"{float(short):f}".rstrip("0").partition(".")
    return Sentence("number", whole=whole, fraction=fraction) if fraction else whole


def say_reason(reason: str | None) -> Value:
    """Say in one plain sentence why a build ended as it did."""
    from sagebuild.voice.reasons import shorten_reason

    return Quote(shorten_reason(reason)) if reason else Sentence("reason.unrecorded")


def write_reason(reason: str | None) -> Value:
    """Write why a build ended as it did, for a card, without secrets."""
    from sagebuild.redaction import redact_secrets

    # The rest is lines of a log.
    return Quote(redact_secrets(reason.partition("\n\n")[0])) if reason else Sentence("reason.unrecorded")


def say_money(dollars: float) -> Sentence:
    """Say an amount of US dollars; below one dollar in cents, from a hundred dollars without, and at least one cent."""
    whole, cents = divmod(max(1, round(dollars * 100)), 100)
    if not whole:
        return Sentence("money.cents", count=cents)
    if whole >= _DOLLARS_WITHOUT_CENTS:
        return Sentence("money.dollars", count=round(dollars))
    said = Sentence("money.dollars", count=whole)
    if not cents:
        return said
    return Sentence("money.dollars.cents", dollars=said, cents=Sentence("money.dollars.rest", count=cents))


def write_money(dollars: float) -> Sentence:
    """Write an amount of US dollars for a card, with two decimals and at least one cent."""
    whole, _, fraction = f"{max(0.01, dollars):.2f}".partition(".")
    return Sentence("card.money", amount=Sentence("number", whole=whole, fraction=fraction))


def say_instance_type(name: str) -> Quote:
    """Say an instance type as people do: m5 large, not ml.m5.large; it is English in every language."""
    return Quote(name.removeprefix("ml.").replace(".", " "))


def say_parameter(name: str, value: str) -> Value:
    """Say the value of a build parameter, with the parameter's unit."""
    if name == "trainvolumesize" and value.isdecimal():
        return Sentence("gigabytes", count=int(value))
    if name == "trainmaxrun":
        return say_limit(float(value) * _HOUR)
    return say_value(value)


def say_framework(name: str) -> Quote:
    """Say the name of a framework as its makers write it."""
    return Quote({"SCIKIT": "Scikit-learn", "XGBOOST": "XGBoost"}.get(name, name.replace("_", " ")))


def say_value(value: str) -> Value:
    """Say a value without a unit; a fraction has the decimal sign of the language."""
    whole, _, fraction = value.partition(".")
    if whole.removeprefix("-").isdecimal() and fraction.isdecimal():
        return Sentence("number", whole=whole, fraction=fraction)
    return say_instance_type(value) if value.startswith("ml.") else value


def write_time(moment: datetime) -> str:
    """Write a time for a card, which people may read much later."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
