"""Stop the running build: the skill asks first, and then says what AWS has confirmed."""

from typing import TYPE_CHECKING

from skill import builds
from skill.cards import write_build_card
from skill.conversation import PIPELINE, Answer, Card, Confirmation, Intent, Turn
from skill.domain import writing
from skill.pictures import show_progress
from skill.speech import Sentence

if TYPE_CHECKING:
    from sagebuild.running.stop import Stopped

_WAIT_SECONDS = 0.5  # How long a stop waits for AWS to confirm it; Alexa waits for the answer.


def ask_to_stop(_turn: Turn) -> Answer:
    """Say what stopping the running build means, and ask."""
    build = builds.describe_latest_build()
    if build is None:
        return Answer(Sentence("build.none"))
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
    """Stop the build that the question named, and no build that has followed it."""
    from sagebuild.errors import NoBuildRunningError
    from sagebuild.running.stop import stop_build

    number = int(confirmation.values["number"])
    with writing() as service:
        try:
            stopped = stop_build(service, number, wait_seconds=_WAIT_SECONDS)
        except NoBuildRunningError:
            return Answer(Sentence("stop.ended", number=number))
    return Answer(_describe_confirmed(stopped), card=_write_card(stopped))


INTENTS = (Intent("StopBuildIntent", ask_to_stop, "write", slots=PIPELINE, on_yes=stop),)


def _describe_confirmed(stopped: "Stopped") -> Sentence:
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


def _write_card(stopped: "Stopped") -> Card:
    job = stopped.job_status or Sentence("card.job.none")
    return Card(Sentence("card.title", number=stopped.number), Sentence("card.stopped", job=job))
