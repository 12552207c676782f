"""Finds the pipeline that a person named: among the names of the stack's pipelines and their spoken names."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sagebuild.builds.lock import PipelineState, list_states
from sagebuild.builds.pipelines import DEFAULT
from sagebuild.service import Service

# Alexa accepts 100 values and synonyms in all:
# https://developer.amazon.com/docs/custom-skills/use-dynamic-entities-for-customized-interactions.html
# https://www.talkingtocomputers.com/dynamic-entities-alexa-skills-kit
MAX_ENTITIES = 100
# A voiced kana is its own letter, not an accented one.
_VOICED_MARKS = "\u3099\u309a"


@dataclass(frozen=True)
class Pipelines:
    """The pipelines of a stack, the default one first.

    Parameters
    ----------
    states
        As `list_states` returns them, without those that are being removed.
    """

    states: tuple[PipelineState, ...]

    @property
    def are_one(self) -> bool:
        """False when the stack has another pipeline than the default one."""
        return len(self.states) == 1

    @property
    def names(self) -> list[str]:
        """The names of all pipelines; the default one's is empty, and it is left out if it was never used."""
        return [state.pipeline for state in self.states if state.pipeline or state.last_number]

    def find(self, heard: Iterable[str]) -> list[str]:
        """Return the names of the pipelines that a person may mean.

        Parameters
        ----------
        heard
            What Alexa heard, and what it may stand for, the most certain first. Case, accents, spaces and hyphens do
            not matter. A pipeline's name has precedence over a spoken name of another one.
        """
        for words in map(fold, heard):
            for list_words in (_list_own_words, _list_spoken_words):
                if found := [state.pipeline for state in self.states if words in map(fold, list_words(state))]:
                    return found
        return []

    def list_entities(self) -> dict[str, list[str]]:
        """Return what people say for each named pipeline, at most `MAX_ENTITIES` words in all.

        Every name comes before any spoken name. Beyond the limit, running pipelines come first, then used ones.
        """
        named = sorted((state for state in self.states if state.pipeline), key=_rank)[:MAX_ENTITIES]
        entities = {state.pipeline: [say_name(state.pipeline)] for state in named}
        left = MAX_ENTITIES - len(entities)
        for state in named:
            known = {fold(state.pipeline)}
            more = [name for name in state.spoken if fold(name) not in known][:left]
            entities[state.pipeline] += more
            left -= len(more)
        return entities


def read_pipelines(service: Service) -> Pipelines:
    """Read the stack's pipelines, by one query."""
    return Pipelines(tuple(state for state in list_states(service) if not state.removed_at))


def say_name(pipeline: str) -> str:
    """Return a pipeline's name as people say it: the hyphens are spaces."""
    return pipeline.replace("-", " ")


def _rank(state: PipelineState) -> tuple[bool, bool]:
    return state.running is None, not state.last_number


def _list_own_words(state: PipelineState) -> Iterator[str]:
    yield state.pipeline or DEFAULT


def _list_spoken_words(state: PipelineState) -> Iterator[str]:
    yield from state.spoken


def fold(text: str) -> str:
    """Return the letters and digits, in lower case and without accents."""
    letters = (
        letter
        for letter in unicodedata.normalize("NFKD", text.casefold())
        if letter.isalnum() or letter in _VOICED_MARKS
    )
    return unicodedata.normalize("NFC", "".join(letters))
