"""Estimate how long the running build will still take, from the duration of earlier builds."""

from skill.conversation import PIPELINE, Answer, Intent, Turn
from skill.domain import reading
from skill.speech import Sentence
from skill.words import count_units, say_duration


def estimate_time(_turn: Turn) -> Answer:
    """Say how long the running build will still take."""
    from sagebuild.voice import forecast

    with reading() as service:
        estimate = forecast.estimate_time(service)
    if estimate is None:
        return Answer(Sentence("time.not_running"))
    if estimate.awaits_approval:
        return Answer(Sentence("time.waiting"))
    if estimate.seconds_left is None:
        return Answer(Sentence("time.unknown"))
    if estimate.seconds_left <= 0:
        return Answer(Sentence("time.overdue"))
    span = say_duration(estimate.seconds_left)
    return Answer(Sentence("time.left", span=span, count=count_units(span)))


INTENTS = (Intent("EstimateTimeIntent", estimate_time, "read", slots=PIPELINE),)
