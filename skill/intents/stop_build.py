"""Stop the running build: the skill asks first, and then says what AWS has confirmed."""

from typing import TYPE_CHECKING, cast

from skill import builds, changes
from skill.cards import join_lines, write_build_card
from skill.conversation import PIPELINE, Answer, Card, Confirmation, Intent, SpokenError, Turn
from skill.domain import reading
from skill.pictures import show_progress
from skill.speech import Quote, Sentence

if TYPE_CHECKING:
    from sagebuild.changes.stop import Stop
    from sagebuild.running.stop import Stopped


def ask_to_stop(turn: Turn) -> Answer:
    """Say what stopping the running build means, and ask."""
    from sagebuild.changes.plan import plan_change
    from sagebuild.errors import NoBuildRunningError

    build = builds.describe_latest_build()
    if build is None:
        return Answer(Sentence("build.none"))
    card, picture = write_build_card(build), show_progress(build)
    with reading() as service:
        try:
            planned = plan_change(service, "stop")
        except NoBuildRunningError:
            return Answer(Sentence("stop.nothing"), card=card, picture=picture)
    effect = cast("Stop", planned.effect)
    number = effect.number
    return Answer(
        _ask(effect),
        reprompt=Sentence("stop.reprompt", number=number),
        card=card,
        picture=picture,
        confirmation=changes.bind(turn, "StopBuildIntent", planned, number),
    )


def stop(_turn: Turn, confirmation: Confirmation) -> Answer:
    """Stop the build that the question named, and no build that has followed it."""
    try:
        done = changes.apply(confirmation)
    except SpokenError as error:
        if error.sentence.key != "stop.nothing":
            raise
        return Answer(_describe_ended(confirmation.number))
    stopped = done.stopped
    assert stopped, "as applied"
    sentence = _describe_stopped(stopped)
    if done.follows:
        sentence = Sentence("stop.follows", stopped=sentence, next=done.follows)
    return Answer(sentence, card=_write_card(stopped))


INTENTS = (Intent("StopBuildIntent", ask_to_stop, "write", slots=PIPELINE, on_yes=stop),)


def _ask(effect: "Stop") -> Sentence:
    if effect.ends_step_job:
        return Sentence("stop.question.step", number=effect.number, step=Quote(effect.step))
    is_idle = effect.step and not effect.ends_training
    if is_idle:
        return Sentence("stop.question.idle", number=effect.number)
    return Sentence("stop.question", number=effect.number)


def _describe_stopped(stopped: "Stopped") -> Sentence:
    """Say what has ended; a build that ended by itself first was not stopped."""
    return _find_late_sentence(stopped.number, stopped.outcome) or _describe_confirmed(stopped)


def _describe_ended(number: int) -> Sentence:
    """Say how a build ended before the stop."""
    build = builds.describe_build(number)
    return _find_late_sentence(number, build.outcome if build else "") or Sentence("stop.ended", number=number)


def _find_late_sentence(number: int, outcome: str) -> Sentence | None:
    """Return the sentence for a build that ended by itself; None for any other outcome."""
    match outcome:
        case "succeeded":
            return Sentence("stop.late.succeeded", number=number)
        case "failed":
            return Sentence("stop.late.failed", number=number)
        case "withheld":
            return Sentence("stop.late.withheld", number=number)
    return None


def _describe_confirmed(stopped: "Stopped") -> Sentence:
    number = stopped.number
    stopped_kinds = {part.kind for part in stopped.parts if part.kind and part.status == "Stopped"}
    if stopped.confirmed and "transform" in stopped_kinds:
        return Sentence("stop.confirmed.transform", number=number)
    if stopped.confirmed and stopped_kinds:
        return Sentence("stop.confirmed.processing", number=number)
    if any(part.kind and not part.has_ended for part in stopped.parts):
        return Sentence("stop.unconfirmed.step", number=number)
    match stopped.confirmed, stopped.job_status:
        case True, None:
            return Sentence("stop.confirmed.no_job", number=number)
        case True, "Stopped":
            return Sentence("stop.confirmed.stopped", number=number)
        case True, "Completed":
            return Sentence("stop.confirmed.completed", number=number)
        case True, _:
            return Sentence("stop.confirmed", number=number)
        case _, "InProgress" | "Stopping":
            return Sentence("stop.unconfirmed.job", number=number)
    return Sentence("stop.unconfirmed", number=number)


def _write_card(stopped: "Stopped") -> Card:
    lines = [Sentence("card.stopped", job=stopped.job_status or Sentence("card.job.none"))]
    lines += [Sentence("card.note", note=Quote(f"{part.name}: {part.status}")) for part in stopped.parts if part.kind]
    return Card(Sentence("card.title", number=stopped.number), join_lines(lines))
