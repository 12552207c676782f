"""Reads the build parameters that a person can say, and their values as they are spoken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagebuild.errors import ParameterError
from sagebuild.parameters import parse_document
from sagebuild.parameters.json_text import read_leniently
from sagebuild.parameters.store import read_document
from sagebuild.parameters.typed_text import read_typed
from sagebuild.service import Service
from sagebuild.voice.pipelines import fold

# The parameters that voice may read and set. Names of data, code and images are easier to type.
NUMBERS = ("hostinstancecount", "traininstancecount", "trainvolumesize", "trainmaxrun", "maxtrainingjobs")
INSTANCE_TYPES = ("hostinstancetype", "traininstancetype")
SPOKEN = NUMBERS + INSTANCE_TYPES
# Hyperparameters with words of their own in the interaction models; those of the document are found by their names.
HYPERPARAMETERS = ("hyperparameters.epochs", "hyperparameters.batch_size")
_PREFIX = "hyperparameters."


def find_parameter(service: Service, heard: str) -> str:
    """Return the parameter that a person means; empty if it is unknown.

    Parameters
    ----------
    heard
        A parameter's name, or the spoken name of a hyperparameter of the document. Case, spaces, hyphens and
        underscores do not matter.
    """
    if heard in SPOKEN:
        return heard
    words = fold(heard.removeprefix(_PREFIX))
    return next((f"{_PREFIX}{name}" for name in list_hyperparameters(service) if fold(name) == words), "")


def list_hyperparameters(service: Service) -> list[str]:
    """Return the names of the document's hyperparameters that have one value, not a range."""
    values = read_leniently(read_document(service)).get("hyperparameters")
    return [name for name, value in values.items() if not isinstance(value, dict)] if isinstance(values, dict) else []


def read_parameter(service: Service, name: str) -> str:
    """Return the value that the next build will have.

    Raises
    ------
    ParameterError
        The document is invalid, or voice may not read the parameter.
    """
    _refuse_unspoken(name)
    parameters = parse_document(read_document(service), default_framework=service.settings.framework)
    if name.startswith(_PREFIX):
        return write_spoken(parameters.hyperparameters[name.removeprefix(_PREFIX)])
    return write_spoken(getattr(parameters, name))


def read_said(said: Mapping[str, str]) -> dict[str, Any]:
    """Return parameters as they were spoken, by dotted names.

    Raises
    ------
    ParameterError
        Voice may not set one of them.
    """
    for name in said:
        _refuse_unspoken(name)
    return {name: read_typed(name, value) for name, value in said.items()}


def read_overrides(service: Service, said: Mapping[str, str]) -> dict[str, Any]:
    """Return parameters for one build as they were spoken, each a whole parameter.

    Raises
    ------
    ParameterError
        Voice may not set one of them.
    """
    given = read_said(said)
    whole = {name: value for name, value in given.items() if not name.startswith(_PREFIX)}
    inner = {name.removeprefix(_PREFIX): value for name, value in given.items() if name.startswith(_PREFIX)}
    if inner:
        before = read_leniently(read_document(service)).get("hyperparameters") or {}
        whole["hyperparameters"] = {**before, **inner}
    return whole


def write_spoken(value: object) -> str:
    """Write a parameter's value for speech."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _refuse_unspoken(name: str) -> None:
    if name not in SPOKEN and not name.startswith(_PREFIX):
        raise ParameterError(
            f"{name} cannot be read or set by voice; edit the parameter document. "
            f"Voice can read and set {', '.join(SPOKEN)}."
        )
