"""Reads the hyperparameters of a request, and the variables by which a script-mode container finds the script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from sagebuild.client.conversion.draft import Draft
from sagebuild.client.conversion.source import Source
from sagebuild.images.table import read_numbers
from sagebuild.parameters import MODELS

PROGRAM, SUBMIT_DIRECTORY = "sagemaker_program", "sagemaker_submit_directory"
# The parameters that script mode gets as hyperparameters: sagebuild/requests/script_mode.py.
_SETTINGS = {
    PROGRAM: "trainentrypoint",
    SUBMIT_DIRECTORY: "trainsourcefile",
    "sagemaker_container_log_level": "containerloglevel",
    "sagemaker_enable_cloudwatch_metrics": "enablecloudwatchmetrics",
}
_OWN_OF_SCRIPTS = ("sagemaker_region", "sagemaker_job_name")
# sdk 2.x, tuner.py: the class of the estimator. SageMaker adds the objective of a built-in algorithm to its trainings.
_OWN = ("sagemaker_estimator_class_name", "sagemaker_estimator_module", "_tuning_objective_metric")
# The sdk names a training job base-2024-01-31-12-34-56-789, and saves TensorFlow's model in a folder with that name.
_SDK_MODEL_DIR = r"s3://.+-\d{4}(-\d\d){5}-\d{3}/model"
# The names of the processes' settings: sagebuild/requests/extensions.py.
_STRATEGIES = {
    "sagemaker_distributed_dataparallel_enabled": "smdistributed",
    "sagemaker_parameter_server_enabled": "parameter_server",
    "sagemaker_torch_distributed_enabled": "torch_distributed",
}
_SMDISTRIBUTED_OPTIONS = "sagemaker_distributed_dataparallel_custom_mpi_options"


def has_script(hyperparameters: Source) -> bool:
    """Return False when no script is given to the container."""
    return PROGRAM in hyperparameters


def convert_hyperparameters(draft: Draft, source: Source, job: str, searched: Iterable[str] = ()) -> None:
    """Set the hyperparameters, and the parameters that script mode gets as hyperparameters.

    Parameters
    ----------
    job
        The training job's name, with which the SDK names a folder.
    searched
        Names of the hyperparameters that a tuning job searches.
    """
    for name in _OWN + (_OWN_OF_SCRIPTS if draft.facts.has_script else ()):
        if source.take(name) is not None:
            draft.give(source.name(name))
    if draft.facts.has_script:
        _convert_settings(draft, source, job, searched)
    for name, value in source.take_entries():
        read = read_json(value) if draft.facts.has_script else read_number(value)
        if isinstance(read, dict) and read.keys() & {"Values", "MinValue", "MaxValue"}:
            advice = "an object with these names is a range for a tuning job; rename them"
            draft.refuse(source.name(name), value, advice)
        else:
            draft.put_entry("hyperparameters", name, read, source.name(name))


def read_json(text: Any) -> Any:
    """Return the value of a hyperparameter in script mode: JSON, or else the text itself, as the container does."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (TypeError, ValueError, RecursionError):
        return text


def read_number(text: Any) -> Any:
    """Return a number or boolean if it has the same text as JSON; otherwise the text itself."""
    value = read_json(text)
    return value if isinstance(value, int | float) and json.dumps(value) == text else text


def _refuse_constant(text: str) -> Any:
    raise ValueError(text)  # NaN and Infinity are not JSON


def _convert_settings(draft: Draft, source: Source, job: str, searched: Iterable[str]) -> None:
    for name, parameter in _SETTINGS.items():
        value = read_json(source.take(name))
        draft.put(parameter, value, source.name(name), default=False)
    _convert_distribution(draft, source)
    is_legacy = _is_legacy(draft)
    if is_legacy:
        name = "sagemaker_requirements"
        draft.put("requirementsfile", read_json(source.take(name)) or None, source.name(name))
    for parameter, argument in draft.facts.script_arguments:
        default = MODELS[draft.document["framework"]].model_fields[parameter].default
        value = read_json(source.content.get(argument))
        if isinstance(value, int) and (is_legacy or value != default):
            draft.put(parameter, value, source.name(argument))
            source.take(argument)
    if draft.facts.takes_model_dir and not is_legacy and "model_dir" not in searched:
        _convert_model_dir(draft, source, job)


def _convert_model_dir(draft: Draft, source: Source, job: str) -> None:
    """Leave out the model's folder that the sdk and sagebuild choose; keep another one, or that there is none."""
    folder = read_json(source.take("model_dir"))
    uses_mpi = draft.document.get("distribution", {}).get("strategy") == "mpi"
    if folder is None:
        draft.put_entry("hyperparameters", "model_dir", False, source.name("model_dir"))
    elif (uses_mpi and folder == "/opt/ml/model") or re.fullmatch(
        rf"s3://.+/{re.escape(job)}/model|{_SDK_MODEL_DIR}", str(folder)
    ):
        draft.give(source.name("model_dir"))
    else:
        draft.put_entry("hyperparameters", "model_dir", folder, source.name("model_dir"))


def _convert_distribution(draft: Draft, source: Source) -> None:
    mpi = draft.facts.mpi
    taken = {name: read_json(source.content.get(name)) for name in (mpi.enabled, *_STRATEGIES)}
    enabled = next((name for name, value in taken.items() if value is True), None)
    for name, value in taken.items():
        if value is False or name == enabled:
            source.take(name)
    if not enabled:
        return
    names = {"processes": mpi.processes, "options": mpi.options}
    if enabled != mpi.enabled:
        names = {"options": _SMDISTRIBUTED_OPTIONS}
    given = {part: read_json(source.take(name)) or None for part, name in names.items()}
    distribution = {"strategy": _STRATEGIES.get(enabled, "mpi")}
    distribution |= {part: value for part, value in given.items() if value is not None}
    draft.put("distribution", distribution, source.name(enabled))
    if source.take("sagemaker_instance_type") is not None:
        draft.give(source.name("sagemaker_instance_type"))


def _is_legacy(draft: Draft) -> bool:
    name, last = draft.facts.version_parameter, draft.facts.last_legacy
    version = str(draft.document.get(name or "", ""))
    return last is not None and bool(version) and read_numbers(version)[:2] <= last
