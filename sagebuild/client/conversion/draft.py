"""The parameter document that a conversion writes, and what it reports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sagebuild.client.conversion.members import Members, Missing, Own
from sagebuild.errors import ParameterError
from sagebuild.framework_facts import FRAMEWORKS, FrameworkFacts
from sagebuild.parameters import parse_parameters
from sagebuild.parameters.json_text import format_document
from sagebuild.parameters.shown import show_value

_EMPTY: tuple[Any, ...] = (None, "", [], {})


class Unconverted(NamedTuple):
    """A field that has no counterpart, its value, and what to do instead."""

    field: str
    value: Any
    advice: str


@dataclass
class Draft:
    """The document so far.

    Parameters
    ----------
    document
        The parameters.
    origins
        The field that each parameter came from; also for parts such as ``hyperparameters.epochs``.
    given
        Fields that sagebuild sets itself.
    unconverted
        Fields without a counterpart.
    notes
        Sentences about what the document changes.
    label
        The name of the file in front of each field; empty if there is a single file.
    """

    document: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    given: list[str] = field(default_factory=list)
    unconverted: list[Unconverted] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    label: str = ""
    has_network: bool = False

    @property
    def facts(self) -> FrameworkFacts:
        """The facts of the document's framework."""
        return FRAMEWORKS[self.document["framework"]]

    def put(self, name: str, value: Any, origin: str, default: Any = None) -> None:
        """Set a parameter unless the value is None or the default; a second, different value is reported."""
        if value is None or (value == default and type(value) is type(default)):  # 0 is not False
            return
        if self.document.setdefault(name, value) != value:
            kept = f"{name} is {show_value(self.document[name])}, from {self.origins.get(name, 'an option')}"
            self.refuse(origin, value, f"{kept}, and can have one value")
        self.trace(name, origin)

    def put_entry(self, name: str, key: str, value: Any, origin: str) -> None:
        """Set an entry of a parameter that is an object; a second, different value is reported."""
        entries = self.document.setdefault(name, {})
        if key in entries and entries[key] != value:
            kept = f"{name}.{key} is {show_value(entries[key])}, from {self.origins.get(f'{name}.{key}', 'an option')}"
            self.refuse(origin, value, f"{kept}, and can have one value")
        entries.setdefault(key, value)
        self.trace(f"{name}.{key}", origin)
        self.trace(name, origin)

    def trace(self, name: str, origin: str) -> None:
        """Record the field that a parameter, or a part of one, came from."""
        self.origins.setdefault(name, self._locate(origin))

    def give(self, origin: str) -> None:
        """Record that sagebuild sets a field itself."""
        self.given.append(self._locate(origin))

    def refuse(self, origin: str, value: Any, advice: str) -> None:
        """Record a field without a counterpart."""
        self.unconverted.append(Unconverted(self._locate(origin), value, advice))

    def note(self, sentence: str) -> None:
        """Record a sentence about what the document changes."""
        self.notes.append(sentence)

    def report_rest(self, rest: Mapping[str, Any], members: Members, advice: str, place: str = "") -> None:
        """Record every member that is left of a request.

        Parameters
        ----------
        advice
            What to do about a field whose table has no advice of its own.
        """
        for name, value in rest.items():
            origin = f"{place}.{name}" if place else name
            fate = members.get(name)
            if value in _EMPTY:
                continue
            if isinstance(fate, Own):
                self.give(origin)
            elif isinstance(fate, dict) and isinstance(value, dict):
                self.report_rest(value, fate, advice, origin)
            elif isinstance(fate, dict) and isinstance(value, list) and all(isinstance(one, dict) for one in value):
                for number, one in enumerate(value):
                    self.report_rest(one, fate, advice, f"{origin}[{number}]")
            elif isinstance(fate, Missing) and value in fate.idle:
                self.give(origin)
            else:
                own = fate.advice if isinstance(fate, Missing) else ""
                self.refuse(origin, value, own or advice)

    def find_problems(self) -> list[str]:
        """Return a sentence for each problem of the document, with the field that it came from.

        A part of a document, without a framework, is checked as one of BYOD, which needs nothing else.
        """
        try:
            parse_parameters(self.document, default_framework="BYOD")
            format_document(self.document)
        except ParameterError as error:
            return [self._add_origin(sentence) for sentence in str(error).splitlines()]
        return []

    def _add_origin(self, sentence: str) -> str:
        places = re.findall(r"[A-Za-z_][\w.-]*", sentence)
        for place in places:
            parts = place.rstrip(".").split(".")
            for length in range(len(parts), 0, -1):
                if origin := self.origins.get(".".join(parts[:length])):
                    return f"{sentence} It is from {origin}."
        return sentence

    def _locate(self, origin: str) -> str:
        return f"{self.label}: {origin}" if self.label else origin
