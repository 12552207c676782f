"""Changes of a document: several names at once, and another framework."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any

from sagebuild.errors import InputError, ParameterError, SagebuildError
from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.parameters.dotted import remove_path, set_path
from sagebuild.parameters.frameworks import MODELS
from sagebuild.parameters.json_text import read_framework
from sagebuild.parameters.shown import join_sentences


def change_document(
    document: Mapping[str, Any],
    changes: Mapping[str, Any],
    removed: Iterable[str] = (),
    default_framework: str = "",
) -> tuple[dict[str, Any], list[InputError]]:
    """Return the document with names removed and set, all by dotted names, and what could not be done.

    The result is not checked; `parse_parameters` checks it as a whole.
    """
    after: dict[str, Any] = deepcopy(dict(document))
    problems: list[InputError] = []
    before = read_framework(after, default_framework)
    for path in removed:
        try:
            remove_path(after, path, before)
        except InputError as error:
            problems.append(error)
    adapt_framework(after, read_framework(changes, read_framework(after, default_framework)), before)
    for path, value in changes.items():
        try:
            set_path(after, path, value)
        except InputError as error:
            problems.append(error)
    return after, problems


def combine_problems(problems: Iterable[InputError], check: Callable[[], object]) -> SagebuildError:
    """Return one error for the changes that could not be made, and what `check` refuses in the result."""
    found: list[SagebuildError] = list(problems)
    try:
        check()
    except ParameterError as error:
        found.append(error)
    return found[0] if len(found) == 1 else type(found[-1])(join_sentences(map(str, found)))


def adapt_framework(document: dict[str, Any], framework: str, default_framework: str = "") -> None:
    """Remove the parameters that are not for another framework, which the document shall have from now on.

    The version becomes the framework's default, and so does a parameter with the default of the earlier framework.
    Names that no framework has stay, and the check of the document refuses them.
    """
    earlier = read_framework(document, default_framework)
    if framework == earlier or framework not in MODELS:
        return
    fields, before = MODELS[framework].model_fields, MODELS[earlier].model_fields if earlier in MODELS else {}
    known = {name for model in MODELS.values() for name in model.model_fields}
    facts = FRAMEWORKS[framework]
    for name in [name for name in document if name in known and name != "framework"]:
        if name not in fields or (name == "metrics" and facts.defines_metrics):
            del document[name]
        elif name == facts.version_parameter or (name in before and document[name] == before[name].default):
            document[name] = fields[name].default
            if document[name] is None:
                del document[name]
    objective = document.get("tuningobjective")
    if facts.defines_metrics and isinstance(objective, dict):
        document["tuningobjective"] = {name: value for name, value in objective.items() if name != "Regex"}
