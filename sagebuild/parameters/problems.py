"""Describes each invalid parameter in one sentence: its name, the value given, the values allowed."""

import json
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from sagebuild.parameters.common import BuildParameters
from sagebuild.parameters.frameworks import MODELS
from sagebuild.parameters.groups import RANGES
from sagebuild.parameters.kinds import Kind

Location = tuple[int | str, ...]
SHOWN = 60  # characters of a value or name that a sentence shows


class Problem(NamedTuple):
    """A sentence about a parameter, and the parameter's name."""

    name: str
    sentence: str


def describe_error(error: ErrorDetails, model: type[BuildParameters]) -> Problem | None:
    """Describe a pydantic error; None if it cannot be judged, because the document's framework is invalid."""
    location = error["loc"]
    if error["type"] == "too_short" and error["input"]:  # its entries are invalid, and have errors themselves
        return None
    if error["type"] == "extra_forbidden" and len(location) == 1:
        sentence = _describe_unknown(str(location[0]), model)
    else:
        sentence = _describe_value(error, model)
    return Problem(str(location[0]), sentence) if sentence else None


def _describe_unknown(name: str, model: type[BuildParameters]) -> str | None:
    owners = [framework for framework, other in MODELS.items() if name in other.model_fields]
    framework = next((framework for framework, other in MODELS.items() if other is model), None)
    if owners and framework:
        frameworks = f"framework{'s' if len(owners) > 1 else ''} {', '.join(owners)}"
        return f"'{name}' belongs to {frameworks}; this document's framework is {framework}."
    if owners:
        return None
    known = set(model.model_fields) if framework else {name for other in MODELS.values() for name in other.model_fields}
    subject = f"'{show_name(name)}' is not a parameter of {framework or 'any framework'}"
    return f"{subject}; {_nearest(name, known) or 'docs/parameters.md lists the parameters.'}"


def _nearest(name: str, known: Iterable[str]) -> str | None:
    by_lower = {candidate.lower(): candidate for candidate in sorted(known)}
    matches = get_close_matches(name.lower()[:SHOWN], by_lower, n=1, cutoff=0.75)
    return f"did you mean '{by_lower[matches[0]]}'?" if matches else None


def _describe_value(error: ErrorDetails, model: type[BuildParameters]) -> str:
    location, context = error["loc"], error.get("ctx", {})
    path, given = show_path(_without_tag(location)), show_value(error["input"])
    match error["type"]:
        case "allowed" if location[-1] == "[key]":
            return f"{show_path(location[:-2])} has the name {given}; it must be {context['allowed']}."
        case "allowed":
            return f"{path} is {given}; it must be {context['allowed']}."
        case "refused":
            return f"{path} {context['reason']}."
        case "missing":
            return f"{path} is missing; it must be {_allowed_at(model, location)}."
        case "extra_forbidden":
            known = _model_at(model, location[:-1]).model_fields
            advice = _nearest(str(location[-1]), known) or f"the names are {', '.join(known)}."
            return f"{path} is unknown; {advice}"
        case "dict_type" | "model_type":
            return f"{path} is {given}; it must be an object."
        case "tuple_type":
            return f"{path} is {given}; it must be an array."
        case "too_long":
            return f"{path} has {len(error['input'])} entries; it may have at most {context['max_length']}."
        case "too_short":
            return f"{path} is empty; it must have at least {context['min_length']} entry."
    return f"{path} is {given}; {error['msg']}."


def _allowed_at(model: type[BuildParameters], location: Location) -> str:
    field = _model_at(model, location[:-1]).model_fields[str(location[-1])]
    return next(marker.allowed for marker in field.metadata if isinstance(marker, Kind))


def _model_at(model: type[BaseModel], location: Location) -> type[BaseModel]:
    """Return the model of the object at a place in the document."""
    if location[:1] == ("hyperparameters",):
        return RANGES[str(location[2])]
    for part in location:
        if part in model.model_fields:
            model = next(_models_in(model.model_fields[str(part)].annotation), model)
    return model


def _without_tag(location: Location) -> Location:
    tagged = location[0] == "hyperparameters" and len(location) > 2
    return (*location[:2], *location[3:]) if tagged else location


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def show_path(location: Iterable[int | str]) -> str:
    """Return a place in the document as a dotted path: channels.train.uri, metrics[0].Name."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{show_name(part)}" for part in location]
    return "".join(parts).removeprefix(".")


def show_name(name: str) -> str:
    """Return a name in a document, shortened and on one line."""
    return _shorten("".join(_escape(character) for character in name[: SHOWN + 1]))


def show_value(value: object) -> str:
    """Return a value in a document as JSON, shortened and on one line."""
    return _shorten(
        "".join(_escape(character) for character in json.dumps(value, ensure_ascii=False, default=str)[: SHOWN + 1])
    )


def _escape(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def _shorten(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
