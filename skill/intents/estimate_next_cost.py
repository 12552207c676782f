"""Estimate what the next build would cost, before it starts."""

from typing import TYPE_CHECKING, cast

from skill.conversation import PIPELINE, Answer, Intent, Turn
from skill.intents.start_build import plan_next
from skill.speech import Sentence
from skill.words import say_money

if TYPE_CHECKING:
    from sagebuild.changes.start import NextBuild


def estimate_next_cost(turn: Turn) -> Answer:
    """Say the most that the next build can cost; after a question about a build, that of this build."""
    asked = turn.confirmation
    slots = asked.slots if asked and asked.intent == "StartBuildIntent" else {}
    build = cast("NextBuild", plan_next(slots).effect)
    if build.cost_max:
        return Answer(Sentence("cost.next", number=build.number, amount=say_money(build.cost_max)))
    if build.trains or (build.cost and build.cost.has_steps):
        return Answer(Sentence("cost.unknown", number=build.number))
    return Answer(Sentence("cost.next.nothing", number=build.number))


INTENTS = (Intent("EstimateNextCostIntent", estimate_next_cost, "read", slots=PIPELINE),)
