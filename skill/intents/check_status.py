"""Check the status: the latest build's outcome, with its step or its reason."""

from typing import TYPE_CHECKING

from skill import builds
from skill.cards import write_build_card
from skill.conversation import PIPELINE, Answer, Intent, Turn
from skill.intents.describe_build import describe_outcome
from skill.intents.explain_failure import explain_end
from skill.pictures import show_progress
from skill.speech import Quote, Sentence
from skill.words import is_old, say_age, say_reason

if TYPE_CHECKING:
    from sagebuild.builds.status import BuildStatus


def check_status(turn: Turn) -> Answer:
    """Say how the latest build is doing."""
    build = builds.describe_latest_build()
    if build is None:
        return Answer(Sentence("build.none"))
    # A build whose end is not recorded has ended just now: the Finish function is about to record it.
    moment = (build.started_at if build.outcome == "running" else build.ended_at) or turn.now
    since = say_age(moment, turn.now)
    if turn.pipeline:
        sentence = _describe_by_number(build, turn)
    else:
        sentence = _describe_old(build, since) if is_old(moment, turn.now) else _describe(build, since)
    return Answer(sentence, card=write_build_card(build), picture=show_progress(build))


INTENTS = (Intent("CheckStatusIntent", check_status, "read", slots=PIPELINE),)


def _describe_by_number(build: "BuildStatus", turn: Turn) -> Sentence:
    """Describe the build by its number, because "your build" does not say of which pipeline it is."""
    if build.outcome in ("failed", "withheld") and build.ended_at:
        return explain_end(build, say_age(build.ended_at, turn.now))
    return describe_outcome(build, turn)


def _describe(build: "BuildStatus", since: Sentence) -> Sentence:
    match build.outcome:
        case "running" if build.awaits_approval:
            return Sentence("status.waiting")
        case "running" if build.step:
            return Sentence("status.running", step=Quote(build.step), since=since)
        case "running":
            return Sentence("status.starting", since=since)
        case "succeeded" if build.restores:
            return Sentence("status.restored", number=build.restores, since=since)
        case "succeeded":
            return Sentence("status.succeeded", since=since)
        case "failed":
            return Sentence("status.failed", since=since, reason=say_reason(build.reason))
        case "stopped":
            return Sentence("status.stopped", since=since)
        case "withheld":
            return Sentence("status.withheld", since=since, reason=say_reason(build.reason))
    return Sentence("status.other", since=since, outcome=Quote(build.outcome))


def _describe_old(build: "BuildStatus", since: Sentence) -> Sentence:
    match build.outcome:
        case "succeeded":
            return Sentence("status.old.succeeded", since=since)
        case "failed":
            return Sentence("status.old.failed", since=since)
        case "stopped":
            return Sentence("status.old.stopped", since=since)
        case "withheld":
            return Sentence("status.old.withheld", since=since)
    return _describe(build, since)
