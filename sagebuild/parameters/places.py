"""What the models say about a place in the document, which a dotted name such as autoscaling.minimum leads to."""

from __future__ import annotations

import types
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from sagebuild.parameters.common import BuildParameters
from sagebuild.parameters.frameworks import MODELS
from sagebuild.parameters.kinds import Kind
from sagebuild.parameters.text_kinds import JsonText


@dataclass(frozen=True)
class Place:
    """A place in the document.

    Parameters
    ----------
    kind
        The kind of a single value; None where only an object or an array can be.
    models
        The models of an object with fixed names.
    entries
        The type of the entries of a map or an array; None elsewhere.
    is_map
        True for an object whose names are free.
    optional
        True if null is allowed.
    """

    kind: Kind | None = None
    models: tuple[type[BaseModel], ...] = ()
    entries: Any = None
    is_map: bool = False
    optional: bool = False

    def find(self, name: str) -> Place | None:
        """Return the place with this name in an object; None if no such name is known."""
        for model in self.models:
            if field := model.model_fields.get(name):
                return _read_type(field.annotation, tuple(field.metadata))
        if self.is_map or (self.entries is not None and name.isdecimal()):
            return _read_type(self.entries)
        return Place(self.kind) if isinstance(self.kind, JsonText) else None

    @property
    def names(self) -> list[str]:
        """The fixed names of an object."""
        return list(dict.fromkeys(name for model in self.models for name in model.model_fields))


def find_place(names: Iterable[str], framework: str | None = None) -> Place | None:
    """Return the place that the names lead to; None if one of them is unknown.

    Parameters
    ----------
    framework
        Default: any framework. A parameter has the same kind of value in all frameworks that have it.
    """
    models: tuple[type[BaseModel], ...] = (BuildParameters, *MODELS.values())
    if framework in MODELS:
        models = (MODELS[framework],)
    place: Place | None = Place(models=models)
    for name in names:
        place = place.find(name) if place else None
    return place


def _read_type(annotation: Any, metadata: tuple[Any, ...] = ()) -> Place:
    while get_origin(annotation) is Annotated:
        metadata = (*metadata, *annotation.__metadata__)
        annotation = annotation.__origin__
    kind = next((marker for marker in metadata if isinstance(marker, Kind)), None)
    options = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    optional = type(None) in options
    if kind:
        return Place(kind, optional=optional)
    places = [_read_option(option) for option in options if option is not type(None)]
    return Place(
        next((place.kind for place in places if place.kind), None),
        tuple(model for place in places for model in place.models),
        next((place.entries for place in places if place.entries is not None), None),
        any(place.is_map for place in places),
        optional,
    )


def _read_option(annotation: Any) -> Place:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _read_type(annotation)
    if origin in (dict, tuple):
        return Place(entries=get_args(annotation)[origin is dict], is_map=origin is dict)
    return (
        Place(models=(annotation,)) if isinstance(annotation, type) and issubclass(annotation, BaseModel) else Place()
    )


@cache
def list_inner_names() -> list[tuple[str, str]]:
    """Return each parameter that is an object with fixed names, with each of these names."""
    parameters = Place(models=tuple(MODELS.values())).names
    return [(parameter, name) for parameter in parameters for name in (find_place([parameter]) or Place()).names]
