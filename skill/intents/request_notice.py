"""Answer "tell me when it is done": a skill cannot speak by itself, so the answer explains the notifications."""

import json

from skill.conversation import PIPELINE, Answer, Card, Intent, Turn
from skill.domain import reading
from skill.speech import Sentence


def describe_notices(turn: Turn) -> Answer:
    """Say how many subscribers get a message when a build ends; the card shows how to subscribe."""
    from sagebuild.notifications.notify import count_listeners

    with reading() as service:
        count, topic = count_listeners(service), service.settings.results_topic_arn
    sentence = Sentence("notice.subscribers", count=count) if count else Sentence("notice.none")
    return Answer(sentence, card=_write_card(topic, turn.pipeline or ""))


INTENTS = (Intent("RequestNoticeIntent", describe_notices, "read", slots=PIPELINE),)


def _write_card(topic: str, pipeline: str) -> Card:
    command = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint you@example.com"
    if pipeline:
        attributes = json.dumps({"FilterPolicy": json.dumps({"pipeline": [pipeline]})})
        command += f" --attributes '{attributes}'"
    return Card(Sentence("card.notice.title"), Sentence("card.notice", command=command))
