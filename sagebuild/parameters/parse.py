"""Parses a parameter document into the build's parameters, or raises one ParameterError with all problems."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from sagebuild.errors import ParameterError
from sagebuild.parameters.changes import adapt_framework
from sagebuild.parameters.common import BuildParameters, DataAndSteps, Tuning
from sagebuild.parameters.component_rules import COMPONENT_RULES
from sagebuild.parameters.frameworks import MODELS
from sagebuild.parameters.git_options import GitOptions
from sagebuild.parameters.groups import StrictModel
from sagebuild.parameters.json_text import DOCUMENT, check_size, copy_json, load_json, read_framework, require_object
from sagebuild.parameters.llm_rules import LLM_RULES
from sagebuild.parameters.option_rules import OPTION_RULES
from sagebuild.parameters.options import Options
from sagebuild.parameters.problems import describe_errors
from sagebuild.parameters.rules import RULES, find_conflicts
from sagebuild.parameters.shown import Problem, join_sentences, show_value
from sagebuild.parameters.step_rules import STEP_RULES
from sagebuild.parameters.transform_rules import TRANSFORM_RULES
from sagebuild.parameters.tuning_rules import TUNING_RULES


def parse_document(
    text: str, *, default_framework: str | None = None, overrides: Mapping[str, Any] | None = None
) -> BuildParameters:
    """Return the build's parameters from the document's text.

    Parameters
    ----------
    text
        JSON, as SSM Parameter Store has it.
    default_framework
        The framework of a document that names none.
    overrides
        Parameters that replace the document's. With another framework, the document's parameters that are not for it
        are left out.

    Raises
    ------
    ParameterError
        With a line for each problem.
    """
    check_size(text)
    document = load_json(text, DOCUMENT)
    if isinstance(document, dict) and overrides:
        given = read_framework(document, default_framework or "")
        adapt_framework(document, read_framework(overrides, given), given)
        document.update(overrides)
    return parse_parameters(document, default_framework=default_framework)


def parse_parameters(document: Mapping[str, Any], *, default_framework: str | None = None) -> BuildParameters:
    """Return the build's parameters from a document that is already parsed; otherwise like `parse_document`."""
    problems: list[Problem] = []
    content = copy_json(document, (), problems)
    if not isinstance(content, dict):
        content = require_object(content, problems)
    if default_framework is not None:
        content.setdefault("framework", default_framework)
    for problem in problems:
        content.pop(problem.name, None)
    wrong = {problem.name for problem in problems}
    model = MODELS.get(str(content.get("framework")).strip().upper(), BuildParameters)
    parameters, found = _validate(model, content)
    problems += [problem for problem in found if problem.name not in wrong]
    wrong |= {problem.name for problem in problems}
    checked = parameters or _validate_rest(model, content, wrong)
    rules = TUNING_RULES + RULES + OPTION_RULES + STEP_RULES + TRANSFORM_RULES + LLM_RULES + COMPONENT_RULES
    sentences = [problem.sentence for problem in problems] + list(find_conflicts(checked, wrong, rules))
    if sentences or not parameters:
        raise ParameterError(join_sentences(sentences))
    return parameters


def _validate(model: type[BuildParameters], content: dict[str, Any]) -> tuple[BuildParameters | None, list[Problem]]:
    try:
        return model.model_validate(content), []
    except ValidationError as error:
        return None, describe_errors(error.errors(include_url=False), model, content)


def _validate_rest(model: type[BuildParameters], content: dict[str, Any], wrong: set[str]) -> BuildParameters:
    """Return the valid part of an invalid document, with its framework's defaults, so that the rules can check it."""
    usual = BuildParameters.model_fields
    known = usual.keys() - wrong
    defaults = {name: field.default for name, field in model.model_fields.items() if not field.is_required()}
    own = {name: defaults[name] for name in known & defaults.keys() if defaults[name] != usual[name].default}
    rest = {name: value for name, value in content.items() if name in known}
    return BuildParameters.model_validate({"framework": next(iter(MODELS)), **own, **rest})


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
    optional = (Tuning, DataAndSteps, Options, GitOptions)
    left_out = {name for group in optional for name in group.model_fields}
    defaults: dict[str, Any] = {"framework": framework.strip().upper()}
    for name, field in model.model_fields.items():
        if name not in left_out and not field.is_required() and field.default is not None:
            defaults[name] = field.default.model_dump() if isinstance(field.default, StrictModel) else field.default
    return defaults
