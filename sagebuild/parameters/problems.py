"""Describes each invalid parameter in one sentence: its name, the value given, the values allowed."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from sagebuild.parameters.common import BuildParameters
from sagebuild.parameters.frameworks import MODELS
from sagebuild.parameters.groups import RANGES
from sagebuild.parameters.kinds import Kind
from sagebuild.parameters.places import find_place, list_inner_names
from sagebuild.parameters.rules import MOST_ENTRIES
from sagebuild.parameters.shown import MOST_SENTENCES, SHOWN, Problem, show_name, show_path, show_value

_LONGEST = 40  # characters of a name that is compared; the longest parameter has 25

Location = tuple[int | str, ...]


def describe_errors(
    errors: Iterable[ErrorDetails], model: type[BuildParameters], document: Mapping[str, Any]
) -> list[Problem]:
    """Describe pydantic's errors of a document, which can be thousands.

    The sentence of a problem that `join_sentences` only counts is its place: a whole one takes long to write.
    """
    described: dict[Problem, None] = {}
    for error in errors:
        location = error["loc"]
        if not _can_judge(error, model):
            continue
        if len(described) > MOST_SENTENCES:
            sentence = show_path(location)
        elif _is_unknown_parameter(error):
            sentence = _describe_unknown(str(location[0]), model, document)
        else:
            sentence = _describe_value(error, model)
        described[Problem(str(location[0]), sentence)] = None
    return list(described)


def _can_judge(error: ErrorDetails, model: type[BuildParameters]) -> bool:
    """Return False if other errors cover this one, or the document's framework, which is invalid, decides on it."""
    if error["type"] == "too_short" and error["input"]:  # its entries are invalid, and have errors themselves
        return False
    return model in MODELS.values() or not (_is_unknown_parameter(error) and _find_owners(str(error["loc"][0])))


def _is_unknown_parameter(error: ErrorDetails) -> bool:
    return error["type"] == "extra_forbidden" and len(error["loc"]) == 1


def explain_absence(document: Mapping[str, Any], names: Sequence[str], inside: Any, framework: str) -> str:
    """Explain in a sentence why a document has no value at a dotted name.

    Parameters
    ----------
    names
        The names up to the first one that is absent.
    inside
        The value in which the last of them is looked up.
    """
    path, place = ".".join(names), find_place(names, framework)
    model = MODELS.get(framework, BuildParameters)
    if place is None and len(names) == 1:
        return _describe_unknown(names[0], model, document)
    subject = f"{show_name(path)} is not in the document"
    if len(names) == 1 and names[0] in model.model_fields:
        field = model.model_fields[names[0]]
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        if default is not None:
            return f"{subject}, so its default applies: {show_value(plain(default))}."
        return f"{subject}; it has no default value (docs/parameters.md)."
    known = list(inside) if isinstance(inside, Mapping) else []
    outer = find_place(names[:-1], framework)
    near = _nearest(names[-1], [*known, *(outer.names if outer else ())], ".".join(names[:-1]))
    return f"{subject}; {near}" if near else f"{subject}."


def _find_owners(name: str) -> list[str]:
    """Return the frameworks that have a parameter."""
    return [framework for framework, model in MODELS.items() if name in model.model_fields]


def _describe_unknown(name: str, model: type[BuildParameters], document: Mapping[str, Any]) -> str:
    owners = _find_owners(name)
    framework = next((framework for framework, other in MODELS.items() if other is model), None)
    if owners:
        frameworks = f"framework{'s' if len(owners) > 1 else ''} {', '.join(owners)}"
        return f"'{name}' belongs to {frameworks}; this document's framework is {framework}."
    known = set(model.model_fields) if framework else {name for other in MODELS.values() for name in other.model_fields}
    subject = f"'{show_name(name)}' is not a parameter of {framework or 'any framework'}"
    return f"{subject}; {_advise(name, known, document)}"


def _advise(name: str, known: set[str], document: Mapping[str, Any]) -> str:
    """Return advice for a name that no parameter has: one that is similar, or the object that it belongs into."""
    given = document.get("hyperparameters")
    hyperparameters = [str(each) for each in given] if isinstance(given, Mapping) else []
    # The names in a job are like those of the training's parameters, which are meant more often.
    jobs = ("processing", "evaluation", "batchtransform")
    inner_names = [(owner, inner) for owner, inner in list_inner_names() if owner not in jobs]
    owners = [f"'{owner}.{inner}'" for owner, inner in inner_names if owner in known and inner == name]
    if name in hyperparameters:
        return f"did you mean 'hyperparameters.{show_name(name)}'?"
    if owners:
        return f"did you mean {' or '.join(owners)}?"
    owner, dot, inner = name.partition(".")
    if dot and owner in known:
        return f"the document is nested: give '{owner}' as an object with '{show_name(inner)}'."
    if near := _nearest(name, known) or _nearest(name, hyperparameters[:MOST_ENTRIES], "hyperparameters"):
        return near
    listed = "docs/parameters.md lists the parameters."
    is_word = len(name) < SHOWN and re.fullmatch(r"\w[\w-]*", name)
    return f"{listed} A hyperparameter is given as hyperparameters.{name}." if is_word else listed


def _nearest(name: str, known: Iterable[str], inside: str = "") -> str | None:
    by_lower = {candidate.lower(): candidate for candidate in sorted(known) if len(candidate) <= _LONGEST}
    matches = get_close_matches(name.lower()[:_LONGEST], by_lower, n=1, cutoff=0.75)
    path = f"{inside}." if inside else ""
    return f"did you mean '{show_name(path + by_lower[matches[0]])}'?" if matches else None


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
            return f"{path} is {given}; it must be an object{_list_members(location)}."
        case "tuple_type":
            return f"{path} is {given}; it must be an array."
        case "too_long":
            return f"{path} has {len(error['input'])} entries; it may have at most {context['max_length']}."
        case "too_short":
            return f"{path} is empty; it must have at least {context['min_length']} entry."
    return f"{path} is {given}; {error['msg']}."


def _list_members(location: Location) -> str:
    """Return the members of the object at a place, to end the sentence "it must be an object"."""
    place = find_place(str(part) for part in _without_tag(location))
    return f" with {', '.join(place.names)}" if place and place.names else ""


def _allowed_at(model: type[BuildParameters], location: Location) -> str:
    field = _model_at(model, location[:-1]).model_fields[str(location[-1])]
    other = "an array" if get_origin(field.annotation) is tuple else "an object"
    return next((marker.allowed for marker in field.metadata if isinstance(marker, Kind)), other)


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


def plain(value: Any) -> Any:
    """Return a default of a parameter as a JSON value."""
    return value.model_dump() if isinstance(value, BaseModel) else value
