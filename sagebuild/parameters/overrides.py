"""Parameters that a request sets for one build, instead of the document's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sagebuild.errors import ParameterError
from sagebuild.parameters import BuildParameters, parse_document
from sagebuild.parameters.merging import merge_overrides
from sagebuild.parameters.safeguards import GUARDED, find_loosened
from sagebuild.parameters.schedule_options import ScheduleOptions
from sagebuild.parameters.shown import MOST_SENTENCES, show_name
from sagebuild.settings import Settings

# The parameters that describe the pipeline, not a build.
_NOT_OF_ONE_BUILD = ScheduleOptions.model_fields.keys() | {"spokennames"}
_BYTES = 8192  # the limit of the document
_ADVICE = 'Change the parameter document instead, or deploy the service with --param="overridesMayLoosen=true".'


def parse_overridden(document: str, overrides: str, default_framework: str) -> BuildParameters:
    """Return the parameters of one build: the document's, with the overrides applied.

    Raises
    ------
    ParameterError
        With a line for each problem of the two together.
    """
    return _parse(document, json.loads(overrides) if overrides else {}, default_framework)


def _parse(document: str, changes: Mapping[str, Any], default_framework: str) -> BuildParameters:
    if own := sorted(_NOT_OF_ONE_BUILD & changes.keys()):
        raise ParameterError(f"{own[0]} is not a parameter of one build; change it in the parameter document.")
    try:
        return parse_document(document, default_framework=default_framework, overrides=changes)
    except ParameterError as error:
        if not changes:
            raise
        names = [show_name(name) for name in sorted(changes)]
        more = f" and {len(names) - MOST_SENTENCES} more" if len(names) > MOST_SENTENCES else ""
        given = f"{', '.join(names[:MOST_SENTENCES])}{more}"
        raise ParameterError(f"{error}\n(The request for this build set {given}.)") from None


def check_overrides(settings: Settings, document: str, overrides: Mapping[str, Any], earlier: str = "") -> None:
    """Refuse overrides that make a valid document invalid, or loosen one of its safeguards.

    Such overrides would fail a build that also covers other requests. An invalid document passes: its build
    reports the problem.

    Parameters
    ----------
    earlier
        The merged overrides of earlier requests for the same build, as JSON; empty for none.

    Raises
    ------
    ParameterError
        With a line for each problem.
    """
    try:
        merged = merge_overrides(earlier, overrides)
    except (TypeError, ValueError, RecursionError):  # not JSON; the parser names the value
        _parse(document, overrides, settings.framework)
        raise
    if len(merged) > _BYTES:
        raise ParameterError(f"The parameters to override have {len(merged)} bytes; they may have at most {_BYTES}.")
    base = _try_parse(document, earlier, settings.framework)
    if base:
        wanted = _parse_once(document, merged, settings.framework)
        _refuse_loosened(settings, list(find_loosened(base, wanted)))


def parse_build(settings: Settings, document: str, overrides: str) -> BuildParameters:
    """Return the parameters of a build that is about to start, as `parse_overridden` does.

    The document may have changed since the overrides were checked, so their effect on its safeguards is checked again.

    Raises
    ------
    ParameterError
        With a line for each problem.
    """
    wanted = parse_overridden(document, overrides, settings.framework)
    changes = json.loads(overrides or "{}")
    # If the overrides repair an invalid document, its safeguards are those that it has with the repair alone.
    repair = json.dumps({name: value for name, value in changes.items() if name not in GUARDED})
    base = _try_parse(document, "", settings.framework) or _try_parse(document, repair, settings.framework)
    if base:
        _refuse_loosened(settings, list(find_loosened(base, wanted)))
    elif guarded := sorted(GUARDED & changes.keys()):
        invalid = f"the parameter document is invalid without {', '.join(guarded)}, so its safeguards are unknown"
        _refuse_loosened(settings, [invalid])
    return wanted


def _try_parse(document: str, overrides: str, default_framework: str) -> BuildParameters | None:
    try:
        return _parse_once(document, overrides, default_framework)
    except ParameterError:
        return None


# A batch of requests compares each one with the document, and with the requests before it.
_parse_once = lru_cache(maxsize=8)(parse_overridden)


def _refuse_loosened(settings: Settings, reasons: Sequence[str]) -> None:
    if reasons and settings.overrides_may_loosen != "true":
        lines = [f"A request for one build may not loosen a safeguard: {reason}." for reason in reasons]
        raise ParameterError("\n".join([*lines, _ADVICE]))
