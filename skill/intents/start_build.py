"""Start a build: asked first, since it costs money and may change what is live; done on a yes."""

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING

from skill import builds
from skill.cards import write_launch_card
from skill.conversation import Answer, Confirmation, Turn
from skill.intents.parameters import NAMES, say_value
from skill.speech import Sentence
from skill.words import tell_instance_type, tell_money, tell_span

if TYPE_CHECKING:
    from sagebuild.voice.outlook import NextBuild

_NOTE_CHARACTERS = 200  # of what is kept in the build's record


def ask_to_start(turn: Turn) -> Answer:
    """Say what a build would do now, with what was said for it alone, and ask."""
    said = _read_said(turn.slots)
    if said is None:
        return Answer(Sentence("start.which"), reprompt=Sentence("start.which"))
    build = builds.describe_next_build(said)
    note = turn.slots.get("note", "")[:_NOTE_CHARACTERS]
    return Answer(
        _tell_what_will_happen(build, said),
        reprompt=Sentence("start.reprompt"),
        confirmation=Confirmation("StartBuildIntent", {"note": note, **said}),
    )


def start(turn: Turn, confirmation: Confirmation) -> Answer:
    """Start the build, or note one to follow the build that runs."""
    note = str(confirmation.values.get("note", ""))
    said = {name: str(confirmation.values[name]) for name in NAMES if name in confirmation.values}
    launched = builds.start_build(f"{turn.request_id} {note}".strip(), said)
    card = write_launch_card(launched.number, launched.waiting)
    if launched.started:
        return Answer(Sentence("start.started", number=launched.number), card=card)
    return Answer(Sentence("start.noted", number=launched.number), card=card)


def _read_said(slots: Mapping[str, str]) -> dict[str, str] | None:
    """The parameters for this build alone: one by its name, or how many and which instances shall train."""
    name, number, instance = slots.get("parameter"), slots.get("number"), slots.get("instance")
    if name is None:
        said = {"traininstancecount": number, "traininstancetype": instance}
        return {name: value for name, value in said.items() if value}
    value = instance or number
    return {name: value} if name in NAMES and value else None


def _tell_what_will_happen(build: "NextBuild", said: Mapping[str, str]) -> Sentence:
    if build.running is not None:
        return Sentence("start.question.follow", number=build.running, ask=_ask_to_follow(said))
    ask = Sentence("start.ask.changed", changes=_tell_changes(said)) if said else Sentence("start.ask")
    if not build.trains:
        return (
            Sentence("start.question.deploy", number=build.number, ask=ask)
            if build.deploys
            else Sentence("start.question.model", number=build.number, ask=ask)
        )
    cost = _tell_cost(build)
    if build.deploys:
        return Sentence("start.question.train.deploy", number=build.number, cost=cost, ask=ask)
    return Sentence("start.question.train", number=build.number, cost=cost, ask=ask)


def _tell_cost(build: "NextBuild") -> Sentence:
    cost = Sentence(
        "cost.instances",
        count=build.instance_count * build.trainings,
        kind=tell_instance_type(build.instance_type),
        span=tell_span(build.maximum_hours * 3600),
    )
    return Sentence("cost.priced", cost=cost, amount=tell_money(build.cost_max)) if build.cost_max else cost


def _ask_to_follow(said: Mapping[str, str]) -> Sentence:
    if said:
        return Sentence("start.ask.follow.changed", changes=_tell_changes(said))
    return Sentence("start.ask.follow")


def _tell_changes(said: Mapping[str, str]) -> Sentence:
    changes = [Sentence("change", parameter=NAMES[name], value=say_value(value)) for name, value in said.items()]
    return reduce(lambda first, second: Sentence("change.and", first=first, second=second), changes)
