"""Start a build: asked first, since it costs money and may change what is live; done on a yes."""

from typing import TYPE_CHECKING

from skill import builds
from skill.cards import write_launch_card
from skill.conversation import Answer, Confirmation, Turn
from skill.speech import Sentence
from skill.words import tell_instance_type, tell_span

if TYPE_CHECKING:
    from sagebuild.voice.outlook import NextBuild

_NOTE_CHARACTERS = 200  # of what is kept in the build's record


def ask_to_start(turn: Turn) -> Answer:
    """Say what a build would do now, and ask."""
    build = builds.describe_next_build()
    note = turn.slots.get("note", "")[:_NOTE_CHARACTERS]
    return Answer(
        _tell_what_will_happen(build),
        reprompt=Sentence("start.reprompt"),
        confirmation=Confirmation("StartBuildIntent", {"note": note}),
    )


def start(turn: Turn, confirmation: Confirmation) -> Answer:
    """Start the build, or note one to follow the build that runs."""
    note = str(confirmation.values.get("note", ""))
    launched = builds.start_build(f"{turn.request_id} {note}".strip())
    card = write_launch_card(launched.number, launched.waiting)
    if launched.started:
        return Answer(Sentence("start.started", number=launched.number), card=card)
    return Answer(Sentence("start.noted", number=launched.number), card=card)


def _tell_what_will_happen(build: "NextBuild") -> Sentence:
    if build.running is not None:
        return Sentence("start.question.follow", number=build.running)
    if not build.trains:
        return (
            Sentence("start.question.deploy", number=build.number)
            if build.deploys
            else Sentence("start.question.model", number=build.number)
        )
    cost = Sentence(
        "cost.instances",
        count=build.instance_count * build.trainings,
        kind=tell_instance_type(build.instance_type),
        span=tell_span(build.maximum_hours * 3600),
    )
    if build.deploys:
        return Sentence("start.question.train.deploy", number=build.number, cost=cost)
    return Sentence("start.question.train", number=build.number, cost=cost)
