"""Builds the hyperparameters and variables by which script-mode containers find and run the user's script.

The facts are from AWS's sources: the estimators and models of github.com/aws/sagemaker-python-sdk (1.x for the old
TensorFlow, 2.x for all others), sagemaker-training-toolkit, sagemaker-inference-toolkit and the frameworks' containers.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from sagebuild.builds.context import BuildContext
from sagebuild.names import name_resource, name_tuning_job
from sagebuild.requests.extensions import build_distribution, place_source
from sagebuild.service import Service

if TYPE_CHECKING:
    from sagebuild.parameters import BuildParameters, ScriptModeParameters

MODEL_FOLDER = "/opt/ml/model"
CODE_IN_MODEL = f"{MODEL_FOLDER}/code"
MODEL_DIR = "model_dir"
# sagemaker-tensorflow-serving-container, serve.py: the only script name that it reads.
_TFS_SCRIPT = "inference.py"
REQUIREMENTS = "requirements.txt"
# The containers import the serving script by its path without .py, so a script in a folder needs this one at the top.
FOLDER_SCRIPT = "sagebuild_entry.py"
# sdk, tensorflow/model.py, LOG_LEVEL_MAP: nginx's names of Python's log levels.
_NGINX_LEVELS = {10: "debug", 20: "info", 30: "warn", 40: "error"}


class PackingPlan(TypedDict):
    """How the files of the model are copied.

    ``source`` is the S3 address of the source archive to add to the model's archive; without it, the archive stays
    unchanged. ``entry`` is the path of a serving script in a folder, which the server imports through FOLDER_SCRIPT.
    ``key`` is the user's KMS key for the output of the training, which also encrypts the copies.
    """

    source: NotRequired[str]
    entry: NotRequired[str]
    key: NotRequired[str]


def build_script_hyperparameters(context: BuildContext[ScriptModeParameters]) -> dict[str, Any]:
    """Return the hyperparameters by which a framework's container finds and runs the script.

    The training toolkit (params.py) reads the ``sagemaker_*`` ones itself and passes all others to the script as
    arguments. TensorFlow up to 1.10 reads ``training_steps``, ``evaluation_steps`` and ``sagemaker_requirements``
    (train_entry_point.py of its container, tag legacy-mode). Later versions pass the steps to the script, so they are
    left out unless they differ from the defaults, which the document of the first deployment contains.
    """
    service, parameters = context.service, context.parameters
    values: dict[str, Any] = {
        "sagemaker_program": parameters.trainentrypoint,
        "sagemaker_submit_directory": place_source(parameters, locate_source(service, parameters.trainsourcefile)),
        "sagemaker_container_log_level": choose_log_level(parameters),
        "sagemaker_enable_cloudwatch_metrics": parameters.enablecloudwatchmetrics,
        "sagemaker_region": service.region,
    }
    legacy = is_legacy(parameters)
    for name, argument in parameters.facts.script_arguments:
        value = getattr(parameters, name)
        if legacy or value != type(parameters).model_fields[name].default:
            values[argument] = value
    if legacy:
        values["sagemaker_requirements"] = getattr(parameters, "requirementsfile", None) or ""
    elif parameters.facts.takes_model_dir and parameters.hyperparameters.get(MODEL_DIR) is not False:
        values[MODEL_DIR] = _choose_model_dir(context)
    return values | build_distribution(parameters)


def _choose_model_dir(context: BuildContext[ScriptModeParameters]) -> str:
    """Return the argument ``model_dir`` as the sdk does (tensorflow/estimator.py): in S3, or with mpi a local folder.

    In a tuning job, the container appends the training job's name (sagemaker-tensorflow-training, training.py).
    """
    service, distribution = context.service, getattr(context.parameters, "distribution", None)
    if distribution and distribution.strategy == "mpi":
        return MODEL_FOLDER
    tunes = context.parameters.configtrain == "SAGEMAKERHPO"
    job = (name_tuning_job if tunes else name_resource)(service, context.number)
    return f"{locate_output(service)}/{job}/model"


def build_script_environment(context: BuildContext[ScriptModeParameters]) -> dict[str, str]:
    """Return the environment variables by which a framework's model server finds the script.

    TensorFlow after 1.10 uses TensorFlow Serving. It needs no script, finds one by its fixed name, and has another
    variable for the log level. Hugging Face's server has a default for every function; like the SDK, this function
    names a script only if there is a serving script.
    """
    parameters = context.parameters
    if _serves_with_tensorflow_serving(parameters):
        level = next(name for value, name in _NGINX_LEVELS.items() if choose_log_level(parameters) <= value)
        return {"SAGEMAKER_TFS_NGINX_LOGLEVEL": level}
    environment = {
        "SAGEMAKER_CONTAINER_LOG_LEVEL": str(choose_log_level(parameters)),
        "SAGEMAKER_ENABLE_CLOUDWATCH_METRICS": str(parameters.enablecloudwatchmetrics).lower(),
        "SAGEMAKER_REGION": context.service.region,
    }
    if serves_a_script(parameters):
        script = _serving_script(parameters)
        environment["SAGEMAKER_PROGRAM"] = FOLDER_SCRIPT if "/" in script else script
        source = CODE_IN_MODEL if _needs_code_in_model(parameters) else str(_locate_host_source(context))
        environment["SAGEMAKER_SUBMIT_DIRECTORY"] = source
    if is_legacy(parameters):
        environment["SAGEMAKER_REQUIREMENTS"] = getattr(parameters, "requirementsfile", None) or ""
    return environment


def plan_packing(context: BuildContext[BuildParameters]) -> PackingPlan:
    """Plan the copy of the model's files, with the serving script where the server needs it in the archive."""
    from sagebuild.parameters import ScriptModeParameters  # the steps that read PackingPlan need no models

    plan: PackingPlan = {"key": context.parameters.outputkmskey} if context.parameters.outputkmskey else {}
    script_mode = context.narrow(ScriptModeParameters)
    source = _locate_host_source(script_mode) if script_mode else None
    if not script_mode or not source:
        return plan
    parameters = script_mode.parameters
    if _needs_code_in_model(parameters) and serves_a_script(parameters):
        plan["source"], script = source, _serving_script(parameters)
        if "/" in script:
            plan["entry"] = script
    return plan


def choose_log_level(parameters: ScriptModeParameters) -> int:
    """Return the level that the containers get: the document's, but at most ERROR.

    A higher level, such as the default 200, would also silence errors: https://docs.python.org/3/library/logging.html
    """
    return min(parameters.containerloglevel, logging.ERROR)


def find_script_problems(parameters: ScriptModeParameters) -> Iterator[str]:
    """Yield a sentence for each value that the framework's container would ignore or misread."""
    requirements = getattr(parameters, "requirementsfile", None)
    if requirements not in (None, REQUIREMENTS) and not is_legacy(parameters):
        yield (
            f"requirementsfile is {requirements}; this container of {parameters.framework} reads only {REQUIREMENTS} "
            "at the top of the archive; rename the file and move it there."
        )
    script = _serving_script(parameters)
    if _serves_with_tensorflow_serving(parameters) and serves_a_script(parameters) and script != _TFS_SCRIPT:
        yield (
            f"hostentrypoint is {script}; TensorFlow Serving reads only {_TFS_SCRIPT}; rename the script, or leave out "
            "hostentrypoint and hostsourcefile to serve the SavedModel without one."
        )
    for name in ("trainentrypoint", "hostentrypoint"):
        if is_legacy(parameters) and "/" in (getattr(parameters, name) or ""):
            yield (
                f"{name} is {getattr(parameters, name)}; this TensorFlow imports the script by file name only; move it "
                "to the top of the archive, or use tensorflowversion 1.11 or later."
            )
    shares_state = "checkpoint_path" in parameters.hyperparameters
    if is_legacy(parameters) and parameters.training_count > 1 and not shares_state:
        yield (
            f"traininstancecount is {parameters.training_count}; on several instances this TensorFlow shares its "
            "state through S3; set hyperparameters.checkpoint_path, or use tensorflowversion 1.11 or later."
        )


def locate_source(service: Service, source: str | None) -> str | None:
    """Return the S3 URI of a source archive; a plain key means the code bucket."""
    if not source or source.startswith("s3://"):
        return source
    return f"s3://{service.settings.code_bucket}/{service.folder}{source.lstrip('/')}"


def locate_output(service: Service) -> str:
    """Return the S3 URI below which each training job writes its output, in a folder with the job's name."""
    return f"s3://{service.settings.model_bucket}/{service.folder}builds"


def is_legacy(parameters: ScriptModeParameters) -> bool:
    """Return True when the container predates script mode: it calls functions of the script instead of running it."""
    last = parameters.facts.last_legacy
    return last is not None and _release(parameters) <= last


def _serves_with_tensorflow_serving(parameters: ScriptModeParameters) -> bool:
    return parameters.facts.tensorflow_serving and not is_legacy(parameters)


def serves_a_script(parameters: ScriptModeParameters) -> bool:
    """Return False when the model server serves the model without a script."""
    by_default = not (_looks_in_model(parameters) and parameters.facts.serves_without_script)
    return by_default or bool(parameters.hostentrypoint or parameters.hostsourcefile)


def _serving_script(parameters: ScriptModeParameters) -> str:
    return str(parameters.hostentrypoint or parameters.trainentrypoint)


def _needs_code_in_model(parameters: ScriptModeParameters) -> bool:
    # Without a network, the container cannot read S3. A script in a folder needs FOLDER_SCRIPT.
    is_in_folder = "/" in _serving_script(parameters) and not is_legacy(parameters)
    return parameters.networkisolation or is_in_folder or _looks_in_model(parameters)


def _looks_in_model(parameters: ScriptModeParameters) -> bool:
    first = parameters.facts.first_code_in_model
    return first is not None and _release(parameters) >= first


def _locate_host_source(context: BuildContext[ScriptModeParameters]) -> str | None:
    return locate_source(context.service, context.parameters.hostsourcefile or context.parameters.trainsourcefile)


def _release(parameters: ScriptModeParameters) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", parameters.image_version or "")[:2])
