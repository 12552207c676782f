"""Stop a build: asked first, saying what will happen; done on a yes, saying what was confirmed."""

from typing import TYPE_CHECKING

from skill import builds
from skill.cards import write_build_card, write_stop_card
from skill.conversation import Answer, Confirmation, Turn
from skill.pictures import show_progress
from skill.speech import Sentence

if TYPE_CHECKING:
    from sagebuild.running.stop import Stopped


def ask_to_stop(_turn: Turn) -> Answer:
    """Ask whether the build that runs shall be stopped."""
    build = builds.describe_latest_build()
    if build is None:
        return Answer(Sentence("status.none"))
    card, picture = write_build_card(build), show_progress(build)
    if build.outcome != "running":
        return Answer(Sentence("stop.nothing"), card=card, picture=picture)
    return Answer(
        Sentence("stop.question", number=build.number),
        reprompt=Sentence("stop.reprompt", number=build.number),
        card=card,
        picture=picture,
        confirmation=Confirmation("StopBuildIntent", {"number": build.number}),
    )


def stop(_turn: Turn, confirmation: Confirmation) -> Answer:
    """Stop the build that the person was asked about, and no other that may have followed it."""
    number = int(confirmation.values["number"])
    stopped = builds.stop_build(number)
    if stopped is None:
        return Answer(Sentence("stop.over", number=number))
    return Answer(_tell_what_was_confirmed(stopped), card=write_stop_card(stopped))


def _tell_what_was_confirmed(stopped: "Stopped") -> Sentence:
    number = stopped.number
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
