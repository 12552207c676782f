"""Parameters that a request sets for its own build alone, in place of the document's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sagebuild.errors import ParameterError
from sagebuild.parameters import BuildParameters, parse_document

_BYTES = 8192  # as many as the document itself may have


def merge_overrides(text: str, later: Mapping[str, Any]) -> str:
    """The overrides of several requests together: of the same parameter, the later one wins as a whole.

    Parameters
    ----------
    text
        Those so far, JSON; empty for none.
    """
    return json.dumps({**(json.loads(text) if text else {}), **later}) if later else text


def parse_overridden(document: str, overrides: str, default_framework: str) -> BuildParameters:
    """The parameters of one build: the document's, and the overrides in their place.

    Raises
    ------
    ParameterError
        With a line for everything that is wrong with the two together.
    """
    return _parse(document, json.loads(overrides) if overrides else {}, default_framework)


def _parse(document: str, changes: Mapping[str, Any], default_framework: str) -> BuildParameters:
    try:
        return parse_document(document, default_framework=default_framework, overrides=changes)
    except ParameterError as error:
        if not changes:
            raise
        names = ", ".join(sorted(changes))
        raise ParameterError(f"{error}\n(The request for this build had set {names}.)") from None


def check_overrides(document: str, overrides: Mapping[str, Any], default_framework: str) -> None:
    """Refuse overrides that would spoil a build for all the requests that it stands for.

    A document that is wrong by itself is not their fault: its build tells so.

    Raises
    ------
    ParameterError
        With a line for everything that is wrong.
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
