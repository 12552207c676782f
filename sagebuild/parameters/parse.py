"""Reads a parameter document: all that is wrong with it in one ParameterError, or the build's parameters."""

import json
import math
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from sagebuild.errors import ParameterError
from sagebuild.parameters.common import BuildParameters, DataAndSteps, Tuning
from sagebuild.parameters.frameworks import MODELS
from sagebuild.parameters.groups import StrictModel
from sagebuild.parameters.option_rules import OPTION_RULES
from sagebuild.parameters.options import Options
from sagebuild.parameters.problems import Problem, describe_error, show_path, show_value
from sagebuild.parameters.rules import RULES, find_conflicts

# https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
STANDARD_BYTES, ADVANCED_BYTES = 4096, 8192
DEEPEST = 20


class _Object(dict[str, Any]):
    """A JSON object that remembers the names it was given more than once."""

    repeated: tuple[str, ...] = ()


def parse_document(
    text: str, *, default_framework: str | None = None, overrides: Mapping[str, Any] | None = None
) -> BuildParameters:
    """Return the build's parameters from the document's text.

    Parameters
    ----------
    text
        JSON, as it lies in SSM Parameter Store.
    default_framework
        What a document is for that names no framework.
    overrides
        Parameters that take the place of the document's.

    Raises
    ------
    ParameterError
        With a line for everything that is wrong.
    """
    if not isinstance(text, str):
        raise ParameterError(f"The parameter document is a {type(text).__name__}; it must be JSON text.")
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > ADVANCED_BYTES:
        raise ParameterError(
            f"The parameter document has {size} bytes; an SSM parameter holds {ADVANCED_BYTES} at most "
            f"(an advanced one; a standard one {STANDARD_BYTES})."
        )
    try:
        document = json.loads(text, object_pairs_hook=_read_object)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ParameterError(f"The parameter document is not JSON: {error.msg} at {place}.") from None
    except ValueError:
        raise ParameterError("The parameter document has a number of too many digits.") from None
    except RecursionError:
        raise ParameterError(f"The parameter document nests deeper than {DEEPEST} levels.") from None
    if isinstance(document, _Object):
        document.update(overrides or {})
    return parse_parameters(document, default_framework=default_framework)


def _read_object(pairs: list[tuple[str, Any]]) -> _Object:
    names = [name for name, _ in pairs]
    read = _Object(pairs)
    if len(read) < len(names):
        read.repeated = tuple(dict.fromkeys(name for name in names if names.count(name) > 1))
    return read


def parse_parameters(document: Mapping[str, Any], *, default_framework: str | None = None) -> BuildParameters:
    """Return the build's parameters from the document's content.

    Parameters and errors as in `parse_document`.
    """
    problems: list[Problem] = []
    content = _copy_json(document, (), problems)
    if not isinstance(content, dict):
        sentences = [problem.sentence for problem in problems]
        given = f"The parameter document is {show_value(content)}; it must be a JSON object."
        raise ParameterError("\n".join(sentences or [given]))
    if default_framework is not None:
        content.setdefault("framework", default_framework)
    for problem in problems:
        content.pop(problem.name, None)
    wrong = {problem.name for problem in problems}
    model = MODELS.get(str(content.get("framework")).strip().upper(), BuildParameters)
    parameters, found = _validate(model, content)
    problems += [problem for problem in found if problem.name not in wrong]
    wrong |= {problem.name for problem in problems}
    checked = parameters or _validate_rest(content, wrong)
    sentences = [problem.sentence for problem in problems] + list(find_conflicts(checked, wrong, RULES + OPTION_RULES))
    if sentences or not parameters:
        raise ParameterError("\n".join(sentences))
    return parameters


def _validate(model: type[BuildParameters], content: dict[str, Any]) -> tuple[BuildParameters | None, list[Problem]]:
    try:
        return model.model_validate(content), []
    except ValidationError as error:
        described = (describe_error(details, model) for details in error.errors(include_url=False))
        return None, list(dict.fromkeys(problem for problem in described if problem))


def _validate_rest(content: dict[str, Any], wrong: set[str]) -> BuildParameters:
    """Return what is right of a wrong document, so that it can be told which of it does not go together."""
    known = BuildParameters.model_fields.keys() - wrong
    rest = {name: value for name, value in content.items() if name in known}
    return BuildParameters.model_validate({"framework": "BYOD", **rest})


def _copy_json(value: Any, path: tuple[int | str, ...], problems: list[Problem]) -> Any:
    """Return a copy of a JSON value, noting what only Python takes for JSON."""
    reason = None
    if isinstance(value, Mapping | list | tuple) and len(path) >= DEEPEST:
        reason = f"nests deeper than {DEEPEST} levels"
    elif isinstance(value, Mapping):
        return _copy_object(value, path, problems)
    elif isinstance(value, list | tuple):
        return [_copy_json(entry, (*path, index), problems) for index, entry in enumerate(value)]
    elif isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            reason = "holds half of a surrogate pair, which is not text"
    elif isinstance(value, float):
        reason = None if math.isfinite(value) else f"is {show_value(value)}, which is not a JSON number"
    elif isinstance(value, int):
        reason = None if abs(value) < 2**63 else "is a whole number of more than 64 bits"
    elif value is not None:
        reason = f"is a {type(value).__name__}, which is not a JSON value"
    if reason:
        problems.append(_problem(path, reason))
        return None
    return value


def _copy_object(value: Mapping[Any, Any], path: tuple[int | str, ...], problems: list[Problem]) -> dict[str, Any]:
    for name in getattr(value, "repeated", ()):
        problems.append(Problem("", f"{show_path((*path, name))} is given more than once."))
    copied = {}
    for name, entry in value.items():
        if isinstance(name, str) and not any("\ud800" <= character <= "\udfff" for character in name):
            copied[name] = _copy_json(entry, (*path, name), problems)
        else:
            problems.append(_problem((*path, str(name)), "is not a name; names must be text"))
    return copied


def _problem(path: tuple[int | str, ...], reason: str) -> Problem:
    return Problem(str(path[0]) if path else "", f"{show_path(path) or 'The parameter document'} {reason}.")


def default_document(framework: str) -> dict[str, Any]:
    """Return the document that the first deployment writes: the framework and its parameters' defaults.

    Raises
    ------
    ParameterError
        There is no such framework.
    """
    model = MODELS.get(framework.strip().upper())
    if model is None:
        raise ParameterError(f"framework is {show_value(framework)}; it must be one of {', '.join(MODELS)}.")
    left_out = Tuning.model_fields.keys() | DataAndSteps.model_fields.keys() | Options.model_fields.keys()
    defaults: dict[str, Any] = {"framework": framework.strip().upper()}
    for name, field in model.model_fields.items():
        if name not in left_out and not field.is_required() and field.default is not None:
            defaults[name] = field.default.model_dump() if isinstance(field.default, StrictModel) else field.default
    return defaults
