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
from sagebuild.parameters.shown import SHOWN, Problem, show_name, show_path, show_value

Location = tuple[int | str, ...]


def describe_error(error: ErrorDetails, model: type[BuildParameters], document: Mapping[str, Any]) -> Problem | None:
    """Describe a pydantic error of a document; None if it cannot be judged, because the framework is invalid."""
    location = error["loc"]
    if error["type"] == "too_short" and error["input"]:  # its entries are invalid, and have errors themselves
        return None
    if error["type"] == "extra_forbidden" and len(location) == 1:
        sentence = _describe_unknown(str(location[0]), model, document)
    else:
        sentence = _describe_value(error, model)
    return Problem(str(location[0]), sentence) if sentence else None


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
        return _describe_unknown(names[0], model, document) or f"'{show_name(path)}' is not in the document."
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


def _describe_unknown(name: str, model: type[BuildParameters], document: Mapping[str, Any]) -> str | None:
    owners = [framework for framework, other in MODELS.items() if name in other.model_fields]
    framework = next((framework for framework, other in MODELS.items() if other is model), None)
    if owners and framework:
        frameworks = f"framework{'s' if len(owners) > 1 else ''} {', '.join(owners)}"
        return f"'{name}' belongs to {frameworks}; this document's framework is {framework}."
    if owners:
        return None
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
    if near := _nearest(name, known) or _nearest(name, hyperparameters, "hyperparameters"):
        return near
    listed = "docs/parameters.md lists the parameters."
    is_word = len(name) < SHOWN and re.fullmatch(r"\w[\w-]*", name)
    return f"{listed} A hyperparameter is given as hyperparameters.{name}." if is_word else listed


def _nearest(name: str, known: Iterable[str], inside: str = "") -> str | None:
    by_lower = {candidate.lower(): candidate for candidate in sorted(known)}
    matches = get_close_matches(name.lower()[:SHOWN], by_lower, n=1, cutoff=0.75)
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
