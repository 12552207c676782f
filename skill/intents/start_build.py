"""Start a build: it costs money and may replace what is live, so the skill asks first."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from skill import changes
from skill.build_changes import list_changes
from skill.cards import write_launch_card
from skill.conversation import PIPELINE, Answer, Confirmation, Intent, SpokenError, Turn
from skill.domain import reading
from skill.elicitation import ask_for_missing, ask_for_other_value
from skill.parameter_slots import UNITS, VALUES, find_parameter, find_unit, read_value
from skill.speech import Quote, Sentence
from skill.words import say_instance_type, say_limit, say_money

if TYPE_CHECKING:
    from sagebuild.changes.plan import PlannedChange
    from sagebuild.changes.start import NextBuild

_NOTE_CHARACTERS = 200  # The build's record keeps no more of a note.


def ask_to_start(turn: Turn) -> Answer:
    """Say what a build would do now, with the parameters that were said for it, and ask."""
    try:
        said = _read_parameters(turn.slots)
        if said is None:
            return ask_for_missing(turn, Sentence("start.which"))
        planned = plan_start(said)
    except SpokenError as error:
        is_type = turn.slots.get("instance") or turn.slots.get("size")
        unit = find_unit(turn.slots)
        default = "traininstancetype" if is_type else UNITS[unit][0] if unit else "traininstancecount"
        return ask_for_other_value(turn, error, default)
    build = cast("NextBuild", planned.effect)
    return Answer(
        _describe_effect(build, said, is_first=not planned.live.config),
        reprompt=Sentence("start.reprompt", number=build.number),
        confirmation=changes.bind(turn, "StartBuildIntent", planned, build.number),
    )


def plan_next(slots: Mapping[str, str]) -> "PlannedChange":
    """Plan a build with the parameters of these slots, for an answer that only describes it."""
    return plan_start(_read_parameters(slots) or {})


def plan_start(said: Mapping[str, str]) -> "PlannedChange":
    """Plan a build with the parameters that were said for it."""
    from sagebuild.changes.plan import plan_change
    from sagebuild.voice.spoken_parameters import read_overrides

    with reading() as service:
        return plan_change(service, "start", parameters=read_overrides(service, said))


def start(turn: Turn, confirmation: Confirmation) -> Answer:
    """Start the build, or queue it behind the build that runs."""
    note = confirmation.slots.get("note", "")[:_NOTE_CHARACTERS]
    done = changes.apply(confirmation, f"{turn.request_id} {note}".strip())
    if done.running is None:
        return Answer(Sentence("start.started", number=done.number), card=write_launch_card(done.number, 0))
    return Answer(Sentence("start.queued", number=done.running), card=write_launch_card(done.running, done.waiting))


INTENTS = (
    Intent(
        "StartBuildIntent",
        ask_to_start,
        "write",
        slots=PIPELINE
        | {
            "note": "AMAZON.SearchQuery",
            "parameter": "BuildParameter",
            "size": "MachineSize",
        }
        | {name: kind for name, kind in VALUES.items() if name != "minutes"},
        on_yes=start,
        asks_pin=True,
    ),
)


def _read_parameters(slots: Mapping[str, str]) -> dict[str, str] | None:
    """Read the parameters for this build only; None if a parameter or its value is missing or unknown.

    A number or an instance type without a parameter's name means the training instances.
    """
    if slots.get("parameter"):
        name = find_parameter(slots)
        value = read_value(name, slots)
        return {name: value} if name and value else None
    if unit := find_unit(slots):
        name = UNITS[unit][0]
        return {name: read_value(name, slots)}
    said = {"traininstancecount": slots.get("number"), "traininstancetype": slots.get("instance")}
    if size := slots.get("size"):
        said["traininstancetype"] = _find_other_size(size)
    return {name: value for name, value in said.items() if value}


def _find_other_size(size: str) -> str:
    from sagebuild.voice.machine_sizes import find_other_size

    with reading() as service:
        return find_other_size(service, size)


def _describe_effect(build: "NextBuild", said: Mapping[str, str], *, is_first: bool) -> Sentence:
    if build.running is not None:
        return _describe_following(build, build.running, _ask_to_follow(said))
    ask = Sentence("start.ask.changed", changes=list_changes(said)) if said else Sentence("start.ask")
    if not build.trains:
        return _describe_deployment(build, _add_cost(build, ask), is_first=is_first)
    number, cost = build.number, _describe_cost(build)
    if not build.deploys:
        return Sentence("start.question.train", number=number, cost=cost, ask=ask)
    if build.asks_approval:
        return Sentence("start.question.train.approval", number=number, cost=cost, ask=ask)
    if build.gate:
        return Sentence("start.question.train.gate", number=number, cost=cost, metric=Quote(build.gate), ask=ask)
    if is_first:
        return Sentence("start.question.train.first", number=number, cost=cost, ask=ask)
    return Sentence("start.question.train.deploy", number=number, cost=cost, ask=ask)


def _describe_deployment(build: "NextBuild", ask: Sentence, *, is_first: bool) -> Sentence:
    number = build.number
    if not build.deploys:
        return Sentence("start.question.model", number=number, ask=ask)
    if build.asks_approval:
        return Sentence("start.question.deploy.approval", number=number, ask=ask)
    if is_first:
        return Sentence("start.question.deploy.first", number=number, ask=ask)
    return Sentence("start.question.deploy", number=number, ask=ask)


def _describe_following(build: "NextBuild", running: int, ask: Sentence) -> Sentence:
    if not build.trains:
        return _describe_following_jobs(build, running, ask)
    cost = _describe_cost(build)
    if build.waiting:
        return Sentence("start.question.follow.waiting", number=running, next=build.number, cost=cost, ask=ask)
    return Sentence("start.question.follow.train", number=running, next=build.number, cost=cost, ask=ask)


def _describe_cost(build: "NextBuild") -> Sentence:
    cost = Sentence(
        "start.cost",
        count=build.instance_count * build.trainings,
        kind=say_instance_type(build.instance_type),
        span=say_limit(build.maximum_hours * 3600),
    )
    if not build.cost_max:
        return cost
    amount = say_money(build.cost_max)
    if build.has_other_jobs:
        return Sentence("start.cost.priced.jobs", cost=cost, amount=amount)
    return Sentence("start.cost.priced", cost=cost, amount=amount)


def _add_cost(build: "NextBuild", ask: Sentence) -> Sentence:
    """Add the cost of the jobs of a build that trains nothing to the question."""
    if not build.has_other_jobs:
        return ask
    if build.cost_max:
        return Sentence("start.ask.paid", amount=say_money(build.cost_max), ask=ask)
    return Sentence("start.ask.unpriced", ask=ask)


def _describe_following_jobs(build: "NextBuild", running: int, ask: Sentence) -> Sentence:
    """Describe a build that trains nothing and follows the running one."""
    if not build.has_other_jobs:
        return Sentence("start.question.follow", number=running, ask=ask)
    if build.cost_max:
        amount = say_money(build.cost_max)
        return Sentence("start.question.follow.paid", number=running, next=build.number, amount=amount, ask=ask)
    return Sentence("start.question.follow.unpriced", number=running, next=build.number, ask=ask)


def _ask_to_follow(said: Mapping[str, str]) -> Sentence:
    if said:
        return Sentence("start.ask.follow.changed", changes=list_changes(said))
    return Sentence("start.ask.follow")
