"""Converts estimators of version 2 and `ModelTrainer` of version 3."""

from __future__ import annotations

from typing import Any

from sagebuild.project.sdk_code.arguments import (
    COMPUTE,
    ESTIMATOR,
    FIT,
    LIMITS,
    NETWORK,
    OUTPUT,
    RETRY,
    TRAINER,
    Arguments,
    Missing,
    Own,
    Table,
)
from sagebuild.project.sdk_code.channels import convert_inputs
from sagebuild.project.sdk_code.images import put_framework, put_image
from sagebuild.project.sdk_code.state import State, read_code, unwrap
from sagebuild.project.sdk_code.values import Call, find_unknown

FRAMEWORKS = {
    "PyTorch": "PYTORCH",
    "TensorFlow": "TENSORFLOW",
    "MXNet": "MXNET",
    "Chainer": "CHAINER",
    "SKLearn": "SCIKIT",
    "XGBoost": "XGBOOST",
    "HuggingFace": "HUGGINGFACE",
}
ESTIMATORS = ("Estimator", *FRAMEWORKS)
TRAINER_NAME = "ModelTrainer"
_ESTIMATOR_PLACES = ("image_uri", "role", "instance_count", "instance_type")
_PROCESSES = {"process_count_per_node": "processes", "processes_per_host": "processes"}
_MPI_OPTIONS = {"mpi_additional_options": "options", "custom_mpi_options": "options"}
_GIT = "give the folder of your clone as source, or set git_config (docs/parameters.md)"
_CODE: Table = {
    "command": Missing("set trainentrypoint to a .sh script"),
    "requirements": Own(),
    "ignore_patterns": Own(),
}


def convert_estimator(state: State, call: Call) -> None:
    """Set the parameters of an estimator of version 2."""
    framework = FRAMEWORKS.get(call.name)
    arguments = Arguments(state.draft, call, ("entry_point",) if framework else _ESTIMATOR_PLACES)
    draft = state.draft
    draft.put(
        "traininstancetype", _peek(call, "instance_type", "train_instance_type"), arguments.locate("instance_type")
    )
    image_place = arguments.locate("image_uri")
    image = arguments.take("image_uri") or arguments.take("image_name")
    if framework:
        _put_versions(state, arguments, framework, call)
    elif image is not None:
        put_image(draft, image, image_place, is_training=True, has_script="entry_point" in arguments)
    if framework and image is not None:
        draft.put("trainimage", image, image_place) if isinstance(image, str) else put_image(
            draft, image, image_place, is_training=True, has_script=True
        )
    if arguments.take("git_config") is not None:
        draft.refuse(arguments.locate("git_config"), "git_config", _GIT)
    read_code(state, arguments, "entry_point", "trainentrypoint", "trainsourcefile")
    _put_common(state, arguments)
    _put_checkpoints(state, arguments)
    _put_model_channel(state, arguments)
    arguments.finish(ESTIMATOR)
    for method in call.calls:
        if method.name == "set_hyperparameters":
            put_hyperparameters(state, method.keywords, method.locate("set_hyperparameters"))
        elif method.name == "fit":
            _convert_fit(state, method, "inputs")


def convert_trainer(state: State, call: Call) -> None:
    """Set the parameters of a `ModelTrainer` of version 3."""
    draft, arguments = state.draft, Arguments(state.draft, call)
    for name, kinds, table in (
        ("compute", ("Compute",), COMPUTE),
        ("networking", ("Networking",), NETWORK),
        ("stopping_condition", ("StoppingCondition",), LIMITS),
        ("output_data_config", ("OutputDataConfig",), OUTPUT),
    ):
        _convert_part(state, arguments, name, kinds, table)
    origin, code = arguments.locate("source_code"), arguments.take("source_code")
    image_place, image = arguments.locate("training_image"), arguments.take("training_image")
    if image is not None:
        put_image(draft, image, image_place, is_training=True, has_script=code is not None)
    if part := unwrap(code, "SourceCode"):
        source = Arguments(draft, part)
        read_code(state, source, "entry_script", "trainentrypoint", "trainsourcefile")
        source.finish(_CODE)
    elif code is not None:
        draft.refuse(origin, str(code), "only the running program knows the script; set trainentrypoint and source")
    _put_common(state, arguments)
    _convert_distributed(state, arguments)
    _put_checkpoint_config(state, arguments.locate("checkpoint_config"), arguments.take("checkpoint_config"))
    inputs = arguments.locate("input_data_config")
    convert_inputs(state, arguments.take("input_data_config"), inputs)
    arguments.finish(TRAINER)
    for method in call.calls:
        _convert_method(state, method)


def _convert_method(state: State, method: Call) -> None:
    value = next(iter((*method.arguments, *method.keywords.values())), None)
    origin = method.locate()
    match method.name:
        case "train":
            _convert_fit(state, method, "input_data_config")
        case "with_metric_definitions":
            put_metrics(state, value, origin)
        case "with_checkpoint_config":
            _put_checkpoint_config(state, origin, value)
        case "with_retry_strategy" if part := unwrap(value, "RetryStrategy"):
            Arguments(state.draft, part).finish(RETRY)
        case name if name.startswith("with_"):
            state.draft.refuse(origin, method.text, "there is no parameter for this (docs/hooks.md)")


def _convert_fit(state: State, method: Call, inputs: str) -> None:
    arguments = Arguments(state.draft, method, (inputs,))
    place = arguments.locate(inputs)
    convert_inputs(state, arguments.take(inputs), place)
    arguments.finish(FIT)


def _convert_part(state: State, arguments: Arguments, name: str, kinds: tuple[str, ...], table: Table) -> None:
    origin, value = arguments.locate(name), arguments.take(name)
    if part := unwrap(value, *kinds):
        Arguments(state.draft, part).finish(table)
    elif value is not None:
        state.draft.refuse(origin, str(value), "only the running program knows this object")


def _peek(call: Call, *names: str) -> str | None:
    """Return an argument that stays for the table; the image of a framework depends on it."""
    return next((call.keywords[name] for name in names if isinstance(call.keywords.get(name), str)), None)


def _put_versions(state: State, arguments: Arguments, framework: str, call: Call) -> None:
    version = "transformers_version" if framework == "HUGGINGFACE" else "framework_version"
    origin = arguments.locate(version) if version in arguments else call.locate()
    put_framework(state.draft, framework, arguments.take_known(version, "frameworkversion"), origin)
    if framework == "HUGGINGFACE":
        put_base(state, arguments)


def put_base(state: State, arguments: Arguments) -> None:
    """Set the framework on which the transformers run."""
    for name, base in (("pytorch_version", "pytorch"), ("tensorflow_version", "tensorflow")):
        origin = arguments.locate(name)
        if version := arguments.take_known(name, "baseframework"):
            state.draft.put("baseframework", f"{base}{version}", origin)


def _put_common(state: State, arguments: Arguments) -> None:
    origin = arguments.locate("hyperparameters")
    put_hyperparameters(state, arguments.take("hyperparameters"), origin)
    origin = arguments.locate("metric_definitions")
    put_metrics(state, arguments.take("metric_definitions"), origin)
    origin = arguments.locate("distribution")
    if (value := arguments.take_known("distribution", "distribution")) is not None:
        _put_distribution(state, value, origin)


def put_hyperparameters(state: State, values: Any, origin: str) -> None:
    """Set hyperparameters; a value that is not known is reported."""
    if values is None:
        return
    if not isinstance(values, dict):
        state.draft.refuse(origin, str(values), "only the running program knows the values; set hyperparameters")
        return
    for name, value in values.items():
        if part := find_unknown({name: value}):
            advice = f"only the running program knows the value; set hyperparameters.{name}"
            state.draft.refuse(f"{origin}.{name}", str(part), advice)
        elif value is not None:
            state.draft.put_entry("hyperparameters", str(name), value, origin)


def put_metrics(state: State, values: Any, origin: str) -> None:
    """Set the metrics, which are objects with Name and Regex, or `MetricDefinition`."""
    if values is None:
        return
    metrics = []
    for value in values if isinstance(values, list) else [values]:
        part = unwrap(value, "MetricDefinition")
        metric = {name.title(): one for name, one in part.keywords.items()} if part else value
        if not isinstance(metric, dict) or find_unknown(metric):
            state.draft.refuse(origin, str(value), "only the running program knows the metric; set metrics")
        else:
            metrics.append(metric)
    if "framework" in state.draft.document and state.draft.facts.defines_metrics:
        state.draft.give(origin)
    else:
        state.draft.put("metrics", metrics or None, origin)


def _put_checkpoints(state: State, arguments: Arguments) -> None:
    origin = arguments.locate("checkpoint_s3_uri")
    uri = arguments.take_known("checkpoint_s3_uri", "checkpoints.uri")
    path = arguments.take_known("checkpoint_local_path", "checkpoints.path")
    places = {"uri": uri, "path": path}
    state.draft.put("checkpoints", {name: place for name, place in places.items() if place} or None, origin)


def _put_checkpoint_config(state: State, origin: str, value: Any) -> None:
    if part := unwrap(value, "CheckpointConfig"):
        arguments = Arguments(state.draft, part)
        names = {"uri": "s3_uri", "path": "local_path"}
        places = {name: arguments.take_known(given, f"checkpoints.{name}") for name, given in names.items()}
        state.draft.put("checkpoints", {name: place for name, place in places.items() if place}, origin)
    elif value is not None:
        state.draft.refuse(origin, str(value), "only the running program knows this object; set checkpoints")


def _put_model_channel(state: State, arguments: Arguments) -> None:
    origin = arguments.locate("model_uri")
    name = arguments.take_known("model_channel_name", "channels") or "model"
    if uri := arguments.take("model_uri"):
        convert_inputs(state, {name: uri}, origin)


def _put_distribution(state: State, value: Any, origin: str) -> None:
    """Set the strategy of the argument `distribution` of version 2, such as {"mpi": {"enabled": True}}."""
    for name, options in value.items() if isinstance(value, dict) else ():
        if name == "smdistributed" and isinstance(options, dict):
            options = options.get("dataparallel", {})
        enabled = isinstance(options, dict) and options.get("enabled")
        if enabled and name in state.draft.facts.strategies:
            parts = {**_PROCESSES, **_MPI_OPTIONS}
            more = {parts[key]: one for key, one in options.items() if key in parts}
            state.draft.put("distribution", {"strategy": name, **more}, origin)
            return
    state.draft.refuse(origin, str(value), "set distribution (docs/parameters.md)")


def _convert_distributed(state: State, arguments: Arguments) -> None:
    origin, value = arguments.locate("distributed"), arguments.take("distributed")
    part = unwrap(value, "Torchrun", "MPI")
    if part is None:
        if value is not None:
            state.draft.refuse(origin, str(value), "set distribution (docs/parameters.md)")
        return
    inner, names = Arguments(state.draft, part), {**_PROCESSES, **_MPI_OPTIONS}
    more = {names[given]: inner.take_known(given, "distribution") for given in names if given in inner}
    inner.finish({"smp": Missing("there is no parameter for model parallelism")})
    known = {name: one for name, one in more.items() if one is not None}
    if part.name == "Torchrun" and known.pop("processes", 1) != 1:
        state.draft.note(f"{origin}: the container of torch_distributed starts a process for each GPU.")
    strategy = "mpi" if part.name == "MPI" else "torch_distributed"
    state.draft.put("distribution", {"strategy": strategy, **known}, origin)
