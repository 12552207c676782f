"""Converts `deploy()`, the models of version 2, and `ModelBuilder` of version 3."""

from __future__ import annotations

from typing import Any

from sagebuild.project.sdk_code.arguments import DEPLOY, ENDPOINT_HOOK, MODEL, Arguments, Missing, Own, Table
from sagebuild.project.sdk_code.images import put_framework, put_image
from sagebuild.project.sdk_code.state import State, read_code, unwrap
from sagebuild.project.sdk_code.training import FRAMEWORKS, put_base
from sagebuild.project.sdk_code.values import Call
from sagebuild.requests.extensions import MB_PER_GB

BUILDER_NAME = "ModelBuilder"
MODELS = {f"{name}Model": framework for name, framework in FRAMEWORKS.items()}
MODEL_NAMES = ("Model", "FrameworkModel", *MODELS, BUILDER_NAME)
_DEPLOY_PLACES = ("initial_instance_count", "instance_type")
_BUILD: Table = {**DEPLOY, **MODEL}
_NOTIFIED = {"SuccessTopic": "successtopic", "ErrorTopic": "errortopic"}


def convert_model(state: State, call: Call, trained: Call | None) -> None:
    """Set the parameters of a model; after a training, its data comes from the training."""
    draft = state.draft
    arguments = Arguments(draft, call, () if call.name == BUILDER_NAME else ("image_uri",))
    origin = arguments.locate("framework_version")
    if framework := MODELS.get(call.name):
        version = "transformers_version" if framework == "HUGGINGFACE" else "framework_version"
        put_framework(draft, framework, arguments.take_known(version, "frameworkversion"), origin)
        if framework == "HUGGINGFACE":
            put_base(state, arguments)
    origin, image = arguments.locate("image_uri"), arguments.take("image_uri")
    if image is not None:
        put_image(draft, image, origin, is_training=False, has_script="entry_point" in arguments)
    _put_data(state, arguments, trained)
    origin, network = arguments.locate("vpc_config"), arguments.take_known("vpc_config", "subnets")
    if isinstance(network, dict):
        draft.put("subnets", network.get("Subnets"), origin)
        draft.put("securitygroups", network.get("SecurityGroupIds"), origin)
    _put_script(state, arguments)
    arguments.finish(MODEL)
    for method in call.calls:
        if method.name == "build":
            Arguments(draft, method).finish(_BUILD)
        elif method.name == "deploy":
            convert_deploy(state, method)


def _put_data(state: State, arguments: Arguments, trained: Call | None) -> None:
    for name in ("model_data", "s3_model_data_url", "model"):
        origin, value = arguments.locate(name), arguments.take(name)
        if value is None:
            continue
        if trained is not None and not isinstance(value, str):
            state.draft.give(origin)  # the model of the training
        elif isinstance(value, str) and value.startswith("s3://"):
            state.draft.put("ModelArtifacts", value, origin)
        else:
            advice = "upload the model with sagebuild upload model, and set ModelArtifacts to its address"
            state.draft.refuse(origin, str(value), advice)
    if trained is None:
        state.draft.put("skiptrain", True, arguments.call.locate())


def _put_script(state: State, arguments: Arguments) -> None:
    origin = arguments.locate("source_code")
    if part := unwrap(arguments.take("source_code"), "SourceCode"):
        arguments = Arguments(state.draft, part)
        origin = part.locate()
    entry = "entry_script" if "entry_script" in arguments else "entry_point"
    if "source_dir" in arguments or entry in arguments:
        read_code(state, arguments, entry, "hostentrypoint", "hostsourcefile")
        _drop_training_script(state)
        if state.files and state.draft.document.get("hostsourcefile") is None:
            state.draft.note(f"{origin}: the serving script is in the same source folder as the training script.")


def _drop_training_script(state: State) -> None:
    """Leave out a serving script that is the training script, which is the default where a server needs one."""
    document = state.draft.document
    is_default = "framework" in document and not state.draft.facts.serves_without_script
    if is_default and document.get("hostentrypoint") == document.get("trainentrypoint"):
        document.pop("hostentrypoint", None)


def convert_deploy(state: State, method: Call) -> None:
    """Set the parameters of an endpoint."""
    draft, arguments = state.draft, Arguments(state.draft, method, _DEPLOY_PLACES)
    for name in ("serverless_inference_config", "async_inference_config", "inference_config", "data_capture_config"):
        origin, value = arguments.locate(name), arguments.take(name)
        if value is None:
            continue
        part = value if isinstance(value, Call) else None
        if part and part.name == "ServerlessInferenceConfig":
            _put_serverless(state, part)
        elif part and part.name == "AsyncInferenceConfig":
            _put_async(state, part)
        elif part and part.name == "DataCaptureConfig":
            _put_capture(state, part)
        else:
            draft.refuse(origin, str(value), "only the running program knows this object")
    arguments.finish(DEPLOY)


def _put_serverless(state: State, part: Call) -> None:
    arguments = Arguments(state.draft, part)
    memory = arguments.take_known("memory_size_in_mb", "serverless.memory") or 2048  # the SDK's default
    found = {
        "memory": memory / MB_PER_GB if memory % MB_PER_GB else memory // MB_PER_GB,
        "concurrency": arguments.take_known("max_concurrency", "serverless.concurrency") or 5,  # the SDK's default
        "provisioned": arguments.take_known("provisioned_concurrency", "serverless.provisioned"),
    }
    arguments.finish({})
    state.draft.put("serverless", _drop_none(found), part.locate())


def _put_async(state: State, part: Call) -> None:
    arguments = Arguments(state.draft, part)
    topics = arguments.take_known("notification_config", "asynchronous.successtopic") or {}
    found = {
        "output": arguments.take_known("output_path", "asynchronous.output"),
        "concurrency": arguments.take_known("max_concurrent_invocations_per_instance", "asynchronous.concurrency"),
        **{ours: topics.get(name) for name, ours in _NOTIFIED.items()},
    }
    origin = arguments.locate("kms_key_id")
    state.draft.put("outputkmskey", arguments.take_known("kms_key_id", "outputkmskey"), origin)
    arguments.finish({"failure_path": Missing(ENDPOINT_HOOK)})
    state.draft.put("asynchronous", _drop_none(found), part.locate())


def _put_capture(state: State, part: Call) -> None:
    arguments = Arguments(state.draft, part)
    enabled = arguments.take_known("enable_capture", "datacapture")
    found = {
        "percentage": arguments.take_known("sampling_percentage", "datacapture.percentage"),
        "prefix": arguments.take_known("destination_s3_uri", "datacapture.prefix"),
    }
    own = dict.fromkeys(("capture_options", "csv_content_types", "json_content_types", "sagemaker_session"), Own())
    arguments.finish({**own, "kms_key_id": Missing("set outputkmskey")})
    if enabled is not False:
        state.draft.put("datacapture", _drop_none(found), part.locate())


def _drop_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
