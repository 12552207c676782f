"""Chooses the pipeline that a request is about, and names it in the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

from skill.conversation import PIPELINE, Answer, Card, Intent, Postponed, SpokenError, Turn
from skill.domain import bound_to, reading
from skill.speech import Sentence

if TYPE_CHECKING:
    from sagebuild.voice.pipelines import Pipelines

_LISTED = 5  # More names are too many to remember.
# What these say does not depend on a pipeline.
_GENERAL = ("refused.", "pin.")


def answer_for_pipeline(intent: Intent, turn: Turn) -> Answer:
    """Let the intent answer about the pipeline that the person means, or ask for the pipeline.

    The pipeline that was named counts, else the one that the conversation is about. Else it is the default one if it
    was ever used, or the only one that there is.
    """
    if not turn.heard and turn.pipeline is not None:
        return answer_about(turn.pipeline, lambda pipeline: intent.handle(turn._replace(pipeline=pipeline)))
    pipelines = read_pipelines()
    found = pipelines.find(turn.heard) if turn.heard else _find_unnamed(pipelines)
    if len(found) == 1:
        answer = answer_about(found[0], lambda pipeline: intent.handle(turn._replace(pipeline=pipeline)))
    else:
        answer = _ask_for_pipeline(intent, turn, pipelines, found)
    entities = pipelines.list_entities()
    if len(found) == 1 and (answer.reprompt or turn.is_launched):
        answer = answer._replace(parameters=_list_parameters(found[0], _count_words(entities)))
    return answer._replace(entities=entities)


def _count_words(entities: Mapping[str, list[str]]) -> int:
    """Return the number of words, of which Alexa takes a limited number."""
    return sum(map(len, entities.values()))


def _list_parameters(pipeline: str, taken: int) -> dict[str, list[str]]:
    """Return the spoken name of each hyperparameter of a document; empty if it cannot be read."""
    from sagebuild.voice.pipelines import MAX_ENTITIES
    from sagebuild.voice.spoken_parameters import list_hyperparameters

    try:
        with bound_to(pipeline), reading() as service:
            names = list_hyperparameters(service)
    except SpokenError:
        return {}  # the answer does not need them
    spoken = {f"hyperparameters.{name}": [name.replace("_", " ").replace("-", " ")] for name in names}
    return dict(list(spoken.items())[: MAX_ENTITIES - taken])


def answer_about(pipeline: str, respond: Callable[[str], Answer]) -> Answer:
    """Return the answer about a pipeline, which names it unless it is the default one.

    Raises
    ------
    SpokenError
        As `respond` raised it, with the pipeline's name.
    """
    try:
        with bound_to(pipeline):
            answer = respond(pipeline)
    except SpokenError as error:
        raise SpokenError(_name_in_sentence(error.sentence, pipeline), error.card) from error.__cause__
    confirmation = answer.confirmation and answer.confirmation._replace(pipeline=pipeline)
    card, picture = answer.card, answer.picture
    return answer._replace(
        pipeline=pipeline,
        confirmation=confirmation,
        sentence=answer.sentence and _name_in_sentence(answer.sentence, pipeline),
        reprompt=answer.reprompt and _name_in_sentence(answer.reprompt, pipeline),
        card=card and Card(_name_in_title(card.title, pipeline), card.text),
        picture=picture and picture._replace(title=_name_in_title(picture.title, pipeline)),
    )


def read_pipelines() -> Pipelines:
    """Read the stack's pipelines, by one query."""
    from sagebuild.voice import pipelines

    with reading() as service:
        return pipelines.read_pipelines(service)


def say_pipeline(pipeline: str) -> str | Sentence:
    """Say the name of a pipeline."""
    return pipeline.replace("-", " ") if pipeline else Sentence("pipeline.default")


def join_all(parts: Sequence[str | Sentence]) -> str | Sentence:
    """Join parts of a sentence with "and"; those that are too many are counted."""
    if len(parts) > _LISTED:
        return Sentence("names.and.more", names=_join_with_commas(parts[:_LISTED]), count=len(parts) - _LISTED)
    *first, last = parts
    return Sentence("names.and", names=_join_with_commas(first), name=last) if first else last


def _join_any(parts: Sequence[str | Sentence]) -> str | Sentence:
    """Join parts of a sentence with "or"; those that are too many are counted."""
    if len(parts) > _LISTED:
        return Sentence("names.or.more", names=_join_with_commas(parts[:_LISTED]), count=len(parts) - _LISTED)
    *first, last = parts
    return Sentence("names.or", names=_join_with_commas(first), name=last) if first else last


def _join_with_commas(parts: Sequence[str | Sentence]) -> str | Sentence:
    return reduce(lambda names, name: Sentence("names.comma", names=names, name=name), parts)


def _find_unnamed(pipelines: Pipelines) -> list[str]:
    """Return the pipeline that a person means without a name; all of them if that is not clear."""
    names = pipelines.names
    return [""] if pipelines.are_one or "" in names else names


def _ask_for_pipeline(intent: Intent, turn: Turn, pipelines: Pipelines, possible: list[str]) -> Answer:
    said = turn.slots.get("pipeline", "")
    if not possible and pipelines.are_one:
        return Answer(Sentence("pipeline.only", said=said))
    names = _join_any([say_pipeline(name) for name in possible or pipelines.names])
    question = (
        Sentence("pipeline.which", names=names) if possible else Sentence("pipeline.unknown", said=said, names=names)
    )
    # After an answer that names no pipeline either, the first request still waits.
    is_answer = turn.postponed and intent.name == "ChoosePipelineIntent"
    slots = {name: value for name, value in turn.slots.items() if name not in PIPELINE}
    postponed = turn.postponed if is_answer else Postponed(intent.name, slots)
    return Answer(question, reprompt=question, postponed=postponed)


def _name_in_sentence(sentence: Sentence, pipeline: str) -> Sentence:
    if not pipeline or sentence.key.startswith(_GENERAL):
        return sentence
    named = _name_build(sentence, pipeline)
    return named or Sentence("pipeline.said", pipeline=say_pipeline(pipeline), said=sentence)


def _name_in_title(title: Sentence, pipeline: str) -> Sentence:
    if not pipeline:
        return title
    return _name_build(title, pipeline) or Sentence("card.pipeline", title=title, pipeline=say_pipeline(pipeline))


def _name_build(sentence: Sentence, pipeline: str) -> Sentence | None:
    """Return the sentence with the pipeline's name after its first number of a build; None if it has no number."""
    values = dict(sentence.values)
    if isinstance(number := values.get("number"), int | str):
        values["number"] = Sentence("build.of", number=number, pipeline=say_pipeline(pipeline))
        return sentence.replace(values)
    for name, value in values.items():
        if isinstance(value, Sentence) and (named := _name_build(value, pipeline)):
            return sentence.replace(values | {name: named})
    return None
