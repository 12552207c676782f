"""Parameters that a request sets for one build, instead of the document's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sagebuild.errors import ParameterError
from sagebuild.parameters import BuildParameters, parse_document
from sagebuild.parameters.schedule_options import ScheduleOptions

_BYTES = 8192  # the limit of the document


def merge_overrides(text: str, later: Mapping[str, Any]) -> str:
    """Return the merged overrides of several requests; the later value of a parameter replaces the earlier one.

    Parameters
    ----------
    text
        The overrides so far, as JSON; empty for none.
    """
    return json.dumps({**(json.loads(text) if text else {}), **later}) if later else text


def parse_overridden(document: str, overrides: str, default_framework: str) -> BuildParameters:
    """Return the parameters of one build: the document's, with the overrides applied.

    Raises
    ------
    ParameterError
        With a line for each problem of the two together.
    """
    return _parse(document, json.loads(overrides) if overrides else {}, default_framework)


def _parse(document: str, changes: Mapping[str, Any], default_framework: str) -> BuildParameters:
    if own := sorted(ScheduleOptions.model_fields.keys() & changes.keys()):
        raise ParameterError(f"{own[0]} is not a parameter of one build; change it in the parameter document.")
    try:
        return parse_document(document, default_framework=default_framework, overrides=changes)
    except ParameterError as error:
        if not changes:
            raise
        names = ", ".join(sorted(changes))
        raise ParameterError(f"{error}\n(The request for this build set {names}.)") from None


def check_overrides(document: str, overrides: Mapping[str, Any], default_framework: str) -> None:
    """Refuse overrides that make a valid document invalid.

    Such overrides would fail a build that also covers other requests. An invalid document passes: its build
    reports the problem.

    Raises
    ------
    ParameterError
        With a line for each problem.
    """
    size = len(json.dumps(overrides, default=str))
    if size > _BYTES:
        raise ParameterError(f"The parameters to override have {size} bytes; they may have at most {_BYTES}.")
    try:
        _parse(document, overrides, default_framework)
    except ParameterError:
        try:
            parse_document(document, default_framework=default_framework)
        except ParameterError:
            return
        raise
