"""Reads and sets single build parameters that a person can say, in the shared parameter document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagebuild.errors import InvalidValueError, ParameterError
from sagebuild.parameters import parse_document
from sagebuild.parameters.json_text import format_document, read_raw_document
from sagebuild.parameters.overrides import check_overrides
from sagebuild.parameters.store import read_document, write_text
from sagebuild.parameters.typed_text import read_typed
from sagebuild.service import Service

# The parameters that voice may read and set. Names of data, code and images are easier to type.
NUMBERS = ("hostinstancecount", "traininstancecount", "trainvolumesize", "trainmaxrun", "maxtrainingjobs")
INSTANCE_TYPES = ("hostinstancetype", "traininstancetype")
SPOKEN = NUMBERS + INSTANCE_TYPES


@dataclass(frozen=True)
class Change:
    """A parameter's value before and after."""

    name: str
    old: str
    new: str


def read_parameter(service: Service, name: str) -> str:
    """Return the value that the next build will have.

    Raises
    ------
    ParameterError
        The document is invalid, or voice may not read the parameter.
    """
    return _read(service, read_document(service), name)


def propose_change(service: Service, name: str, value: str) -> Change:
    """Return what setting a parameter would change. This writes nothing.

    Raises
    ------
    ParameterError
        The document is invalid, or voice may not set the parameter.
    InvalidValueError
        The value is invalid.
    """
    text = read_document(service)
    old = _read(service, text, name)
    try:
        return Change(name, old, _read(service, format_document(_set(text, name, value)), name))
    except ParameterError as error:
        raise InvalidValueError(str(error)) from error


def apply_change(service: Service, change: Change) -> bool:
    """Write a proposed change.

    Returns
    -------
    bool
        False if the document's value is no longer `change.old`; nothing was written.

    Raises
    ------
    ParameterError
        The change would make the document invalid.
    """
    text = read_document(service)
    if _read(service, text, change.name) != change.old:
        return False
    document = format_document(_set(text, change.name, change.new))
    _read(service, document, change.name)
    return write_text(service, document, overwrite=True)


def read_overrides(said: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters for a single build, as spoken, in the form that `launch_build` takes.

    Raises
    ------
    ParameterError
        Voice may not set one of them.
    """
    for name in said:
        _refuse_unspoken(name)
    return {name: read_typed(name, value) for name, value in said.items()}


def check_said(service: Service, document: str, overrides: Mapping[str, Any]) -> None:
    """Check the parameters for a single build, as spoken, together with a valid document.

    Raises
    ------
    InvalidValueError
        A value is invalid. An invalid document does not raise here.
    """
    try:
        check_overrides(service.settings, document, overrides)
    except ParameterError as error:
        raise InvalidValueError(str(error)) from error


def _read(service: Service, text: str, name: str) -> str:
    _refuse_unspoken(name)
    value = getattr(parse_document(text, default_framework=service.settings.framework), name)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _set(text: str, name: str, value: str) -> dict[str, Any]:
    document = read_raw_document(text)
    document[name] = read_typed(name, value)
    return document


def _refuse_unspoken(name: str) -> None:
    if name not in SPOKEN:
        raise ParameterError(
            f"{name} cannot be read or set by voice; edit the parameter document. "
            f"Voice can read and set {', '.join(SPOKEN)}."
        )
