"""List the builds that run now, in all pipelines of the stack."""

from typing import TYPE_CHECKING

from skill.cards import join_lines
from skill.conversation import Answer, Card, Intent, Turn
from skill.pipelines import join_all, read_pipelines, say_pipeline
from skill.speech import Sentence

if TYPE_CHECKING:
    from sagebuild.builds.lock import PipelineState


def list_running(_turn: Turn) -> Answer:
    """Say which builds run; the card also says which of them another build follows."""
    pipelines = read_pipelines()
    running = [state for state in pipelines.states if state.running is not None]
    if not running:
        sentence = Sentence("time.not_running")
    elif pipelines.are_one:
        sentence = Sentence("running.only", number=running[0].running or 0)
    else:
        sentence = Sentence(
            "running.some", builds=join_all([_name_build(state) for state in running]), count=len(running)
        )
    return Answer(sentence, card=_write_card(running) if running else None, entities=pipelines.list_entities())


INTENTS = (Intent("ListRunningIntent", list_running, "read"),)


def _name_build(state: "PipelineState") -> Sentence:
    number = state.running or 0
    if not state.pipeline:
        return Sentence("build.of.default", number=number)
    return Sentence("build.of.named", number=number, pipeline=say_pipeline(state.pipeline))


def _write_card(running: "list[PipelineState]") -> Card:
    lines = [
        Sentence("card.pending", build=_name_build(state)) if state.pending else _name_build(state) for state in running
    ]
    return Card(Sentence("card.running.title"), join_lines(lines))
