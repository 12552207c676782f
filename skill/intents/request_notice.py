"""Answer "tell me when it is done": offer a reminder for the time at which the build should be done.

A skill cannot speak by itself. Alexa's reminders need a permission of the person; without a build or an estimate, the
answer explains the stack's notifications.
"""

import json

from skill.conversation import PIPELINE, Answer, Card, Confirmation, Intent, Turn
from skill.domain import reading
from skill.reminders import PERMISSION, NotPermittedError, create_reminder
from skill.speech import Sentence
from skill.words import say_duration

_SHORTEST = 60  # seconds


def offer_notice(turn: Turn) -> Answer:
    """Offer a reminder; if that is impossible, say how many subscribers get a message when a build ends."""
    from sagebuild.notifications.notify import count_listeners
    from sagebuild.voice.forecast import estimate_time

    with reading() as service:
        estimate = estimate_time(service) if turn.api else None
        if estimate and estimate.seconds_left is not None and not estimate.awaits_approval:
            return _offer_reminder(estimate.number, max(_SHORTEST, round(estimate.seconds_left)))
        count, topic = count_listeners(service), service.settings.results_topic_arn
    sentence = Sentence("notice.subscribers", count=count) if count else Sentence("notice.none")
    return Answer(sentence, card=_write_card(topic, turn.pipeline or ""))


def remind(turn: Turn, confirmation: Confirmation) -> Answer:
    """Create the reminder, or ask for the permission in the Alexa app."""
    if not turn.api:
        return Answer(Sentence("notice.failed"))
    seconds = int(confirmation.values["seconds"])
    try:
        create_reminder(turn.api, seconds, Sentence("notice.reminder", number=confirmation.number))
    except NotPermittedError:
        return Answer(Sentence("notice.permission"), permission=PERMISSION)
    return Answer(Sentence("notice.set", span=say_duration(seconds)))


INTENTS = (Intent("RequestNoticeIntent", offer_notice, "read", slots=PIPELINE, on_yes=remind),)


def _offer_reminder(number: int, seconds: int) -> Answer:
    question = Sentence("notice.question", number=number, span=say_duration(seconds))
    confirmation = Confirmation("RequestNoticeIntent", {"number": number, "seconds": seconds})
    return Answer(question, reprompt=question, confirmation=confirmation)


def _write_card(topic: str, pipeline: str) -> Card:
    command = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint you@example.com"
    if pipeline:
        attributes = json.dumps({"FilterPolicy": json.dumps({"pipeline": [pipeline]})})
        command += f" --attributes '{attributes}'"
    return Card(Sentence("card.notice.title"), Sentence("card.notice", command=command))
