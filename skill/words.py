"""Small parts of sentences: how long ago, how long, how much, and what AWS's names sound like."""

from datetime import UTC, datetime

from skill.speech import Quote, Sentence, Value

_MINUTE, _HOUR, _DAY, _WEEK = 60, 3600, 86_400, 604_800


def tell_time_since(moment: datetime, now: datetime) -> Sentence:
    """How long ago something happened, in the largest unit that fits."""
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


def is_old(moment: datetime, now: datetime) -> bool:
    """Whether something is longer ago than a person means by "my build"."""
    return (now - moment).total_seconds() >= _WEEK


def tell_span(seconds: float) -> Sentence:
    """How long something takes, rounded to the unit that a person would use."""
    if seconds < 90:
        return Sentence("span.seconds", count=max(1, round(seconds)))
    if seconds < 90 * _MINUTE:
        return Sentence("span.minutes", count=round(seconds / _MINUTE))
    return Sentence("span.hours", count=round(seconds / _HOUR))


def tell_number(value: float) -> str | Sentence:
    """A number of four significant digits, with the decimal sign of the language."""
    short = f"{value:.4g}"
    if not 1e-4 <= abs(value) < 1e12 and value:
        return short
    whole, _, fraction = f"{float(short):f}".rstrip("0").partition(".")
    return Sentence("number", whole=whole, fraction=fraction) if fraction else whole


def tell_reason(reason: str | None) -> Value:
    """Why a build ended as it did, as a sentence."""
    if not reason:
        return Sentence("reason.unrecorded")
    return Quote(reason if reason.endswith((".", "!", "?")) else f"{reason}.")


def tell_money(dollars: float) -> Sentence:
    """An amount of US dollars, or of cents below one; less than a cent is told as one."""
    if dollars < 0.995:
        return Sentence("money.cents", count=max(1, round(dollars * 100)))
    whole, _, fraction = (f"{dollars:.2f}" if dollars < 100 else f"{dollars:.0f}").partition(".")
    return Sentence("money.dollars", amount=Sentence("number", whole=whole, fraction=fraction) if fraction else whole)


def tell_instance_type(name: str) -> str:
    """An instance type as it is said: m5 large, not ml.m5.large."""
    return name.removeprefix("ml.").replace(".", " ")


def write_time(moment: datetime) -> str:
    """A moment for a card, which is read long after it was written."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
