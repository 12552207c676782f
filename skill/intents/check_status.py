"""Check the status: the latest build's outcome, with its step or its reason."""

from typing import TYPE_CHECKING

from skill import builds
from skill.cards import write_build_card
from skill.conversation import PIPELINE, Answer, Intent, Turn
from skill.intents.describe_build import describe_outcome
from skill.intents.explain_failure import explain_end
from skill.pictures import show_progress
from skill.speech import Sentence
from skill.words import say_age

if TYPE_CHECKING:
    from sagebuild.builds.status import BuildStatus


def check_status(turn: Turn) -> Answer:
    """Say how the latest build is doing; if it waits for approval, ask for it."""
    build = builds.describe_latest_build()
    if build is None:
        return Answer(Sentence("build.none"))
    card, picture = write_build_card(build), show_progress(build)
    if build.awaits_approval:
        question = Sentence("status.waiting", number=build.number)
        return Answer(question, reprompt=question, card=card, picture=picture)
    return Answer(_describe(build, turn), card=card, picture=picture)


INTENTS = (Intent("CheckStatusIntent", check_status, "read", slots=PIPELINE),)


def _describe(build: "BuildStatus", turn: Turn) -> Sentence:
    if build.outcome in ("failed", "withheld"):
        # A build whose end is not recorded has ended just now: the Finish function is about to record it.
        return explain_end(build, say_age(build.ended_at or turn.now, turn.now))
    return describe_outcome(build, turn)
