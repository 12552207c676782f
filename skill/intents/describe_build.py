"""Describe one build: its outcome, its step, and how long it took."""

from typing import TYPE_CHECKING

from skill import builds
from skill.cards import write_build_card
from skill.conversation import PIPELINE, Answer, Intent, Turn
from skill.pictures import show_progress
from skill.speech import Quote, Sentence
from skill.steps import say_step
from skill.words import say_age, say_duration

if TYPE_CHECKING:
    from sagebuild.builds.status import BuildStatus


def describe_build(turn: Turn) -> Answer:
    """Describe the build whose number was said, or the latest one."""
    number = turn.read_number()
    build = builds.describe_latest_build() if number is None else builds.describe_build(number)
    if build is None:
        return Answer(Sentence("build.none") if number is None else Sentence("build.not_found", number=number))
    return Answer(describe_outcome(build, turn), card=write_build_card(build), picture=show_progress(build))


INTENTS = (Intent("DescribeBuildIntent", describe_build, "read", slots=PIPELINE | {"number": "AMAZON.NUMBER"}),)


def describe_outcome(build: "BuildStatus", turn: Turn) -> Sentence:
    """Describe a build by its number."""
    number, started = build.number, say_age(build.started_at, turn.now)
    if build.awaits_approval:
        return Sentence("details.waiting", number=number, since=started)
    if build.outcome == "running":
        if not build.step:
            return Sentence("details.starting", number=number, since=started)
        return Sentence("details.running", number=number, since=started, doing=say_step(build.step))
    ended_at = build.ended_at or turn.now
    ended = say_age(ended_at, turn.now)
    if build.outcome == "succeeded" and build.restores:
        return Sentence("status.restored", number=build.restores, since=ended)
    if build.outcome == "succeeded":
        span = say_duration((ended_at - build.started_at).total_seconds())
        return Sentence("details.succeeded", number=number, since=ended, span=span)
    if build.outcome == "withheld":
        return Sentence("details.withheld", number=number, since=ended)
    return _describe_break(build, ended)


def _describe_break(build: "BuildStatus", ended: Sentence) -> Sentence:
    """Describe a build that failed or was stopped, with the step if it had reached one."""
    number = build.number
    match build.outcome, build.step:
        case "failed", None:
            return Sentence("details.failed.no_step", number=number, since=ended)
        case "failed", str(step):
            return Sentence("details.failed", number=number, since=ended, step=Quote(step))
        case "stopped", None:
            return Sentence("details.stopped.no_step", number=number, since=ended)
        case "stopped", str(step):
            return Sentence("details.stopped", number=number, since=ended, step=Quote(step))
    return Sentence("details.other", number=number, since=ended, outcome=Quote(build.outcome))
