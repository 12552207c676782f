"""Tell me when it is done: Alexa skills may not speak up, so it says who is told by other means."""

from skill import builds
from skill.cards import write_notice_card
from skill.conversation import Answer, Turn
from skill.speech import Sentence


def tell_who_hears(_turn: Turn) -> Answer:
    """Tell how many subscribers are told when a build ends, and on the card how to become one."""
    count, topic = builds.count_listeners()
    sentence = Sentence("notice.listeners", count=count) if count else Sentence("notice.nobody")
    return Answer(sentence, card=write_notice_card(topic))
