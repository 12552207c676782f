"""Start a build: an explicit command, carried out at once."""

from skill import builds
from skill.cards import write_launch_card
from skill.conversation import Answer, Turn
from skill.speech import Sentence


def start(turn: Turn) -> Answer:
    """Start a build, or note one to follow the build that runs."""
    launched = builds.start_build(turn.request_id)
    if launched.started:
        return Answer(Sentence("start.started", number=launched.number), card=write_launch_card(launched.number, 0))
    return Answer(
        Sentence("start.noted", number=launched.number), card=write_launch_card(launched.number, launched.waiting)
    )
