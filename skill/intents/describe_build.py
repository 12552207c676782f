"""Tell me about the build: one build, its step, its reason, and how long it will still take."""

from typing import TYPE_CHECKING

from skill import builds
from skill.cards import write_build_card
from skill.conversation import Answer, Turn
from skill.pictures import show_progress
from skill.speech import Quote, Sentence, Value
from skill.words import tell_reason, tell_span, tell_time_since

if TYPE_CHECKING:
    from sagebuild.builds.status import BuildStatus


def describe(turn: Turn) -> Answer:
    """Tell of the build whose number was said, or of the latest one."""
    number = turn.slots.get("number", "")
    build = builds.describe_build(int(number)) if number.isdecimal() else builds.describe_latest_build()
    if build is None:
        return Answer(Sentence("build.unknown", number=number) if number else Sentence("status.none"))
    return Answer(_tell(build, turn), card=write_build_card(build), picture=show_progress(build))


def estimate(_turn: Turn) -> Answer:
    """Tell how long the running build will still take, by what earlier ones took."""
    estimated = builds.estimate_time()
    if estimated is None:
        return Answer(Sentence("time.idle"))
    if estimated.awaits_approval:
        return Answer(Sentence("time.waiting"))
    if estimated.seconds_left is None:
        return Answer(Sentence("time.unknown"))
    if estimated.seconds_left <= 0:
        return Answer(Sentence("time.overdue"))
    return Answer(Sentence("time.left", span=tell_span(estimated.seconds_left)))


def explain_failure(turn: Turn) -> Answer:
    """Tell why the last build that failed, or was not deployed on purpose, did so."""
    records = builds.list_builds()
    if not records:
        return Answer(Sentence("status.none"))
    failed = next((record for record in records if record.status in ("failed", "withheld")), None)
    if failed is None:
        return Answer(Sentence("failure.none"))
    build = builds.describe_build(failed.number)
    if build is None or build.ended_at is None:
        return Answer(Sentence("failure.none"))
    since = tell_time_since(build.ended_at, turn.now)
    reason = tell_reason(build.reason)
    if build.outcome == "withheld":
        withheld = Sentence("failure.withheld", number=build.number, since=since, reason=reason)
        return Answer(withheld, card=write_build_card(build), picture=show_progress(build))
    sentence = Sentence("failure.told", number=build.number, since=since, step=_name_step(build), reason=reason)
    return Answer(sentence, card=write_build_card(build), picture=show_progress(build))


def _tell(build: "BuildStatus", turn: Turn) -> Sentence:
    number, started = build.number, tell_time_since(build.started_at, turn.now)
    if build.awaits_approval:
        return Sentence("details.waiting", number=number, since=started)
    if build.outcome == "running":
        return Sentence("details.running", number=number, since=started, step=_name_step(build))
    ended = tell_time_since(build.ended_at or turn.now, turn.now)
    if build.outcome == "succeeded" and build.restores:
        return Sentence("status.restored", number=build.restores, since=ended)
    if build.outcome == "succeeded":
        span = tell_span(((build.ended_at or turn.now) - build.started_at).total_seconds())
        return Sentence("details.succeeded", number=number, since=ended, span=span)
    if build.outcome == "failed":
        return Sentence("details.failed", number=number, since=ended, step=_name_step(build))
    if build.outcome == "stopped":
        return Sentence("details.stopped", number=number, since=ended, step=_name_step(build))
    if build.outcome == "withheld":
        return Sentence("details.withheld", number=number, since=ended)
    return Sentence("details.other", number=number, since=ended, outcome=Quote(build.outcome))


def _name_step(build: "BuildStatus") -> Value:
    return Quote(build.step) if build.step else Sentence("step.unknown")
