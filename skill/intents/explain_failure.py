"""Explain why the last build that failed did so, or why a build was not deployed."""

from typing import TYPE_CHECKING

from skill import builds
from skill.cards import write_build_card
from skill.conversation import PIPELINE, Answer, Intent, Turn
from skill.pictures import show_progress
from skill.speech import Quote, Sentence
from skill.words import say_age, say_reason

if TYPE_CHECKING:
    from sagebuild.builds.status import BuildStatus


def explain_failure(turn: Turn) -> Answer:
    """Give the reason of the newest build that failed or was withheld."""
    records = builds.list_builds()
    if not records:
        return Answer(Sentence("build.none"))
    failed = next((record for record in records if record.status in ("failed", "withheld")), None)
    build = builds.describe_build(failed.number) if failed else None
    if build is None or build.ended_at is None:
        return Answer(Sentence("failure.none"))
    sentence = explain_end(build, say_age(build.ended_at, turn.now))
    return Answer(sentence, card=write_build_card(build), picture=show_progress(build))


INTENTS = (Intent("ExplainFailureIntent", explain_failure, "read", slots=PIPELINE),)


def explain_end(build: "BuildStatus", since: Sentence) -> Sentence:
    """Say when and why a build failed or was withheld."""
    number, reason = build.number, say_reason(build.reason)
    if build.outcome == "withheld":
        return Sentence("failure.withheld", number=number, since=since, reason=reason)
    if not build.step:
        return Sentence("failure.reason.no_step", number=number, since=since, reason=reason)
    return Sentence("failure.reason", number=number, since=since, step=Quote(build.step), reason=reason)
