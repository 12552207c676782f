"""What becomes of each argument of the SDK's classes; docs/from-estimator.md has the same tables for readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sagebuild.client.conversion.draft import Draft
from sagebuild.client.conversion.shared import to_hours
from sagebuild.project.sdk_code.values import Call, find_unknown

_HOOK = "the function of deploy parameter {} can add it to the request (docs/hooks.md)"
TRAINING_HOOK = _HOOK.format("trainingConfigFunction")
MODEL_HOOK = _HOOK.format("modelConfigFunction")
ENDPOINT_HOOK = _HOOK.format("endpointConfigFunction")


class Own:
    """The fate of an argument that sagebuild sets itself."""


class Missing(NamedTuple):
    """The fate of an argument without a counterpart: what to do instead."""

    advice: str


class Put(NamedTuple):
    """The fate of an argument that is a parameter."""

    parameter: str
    convert: Callable[[Any], Any] = lambda value: value
    default: Any = None


Fate = Own | Missing | Put
Table = Mapping[str, Fate]
_OWN = Own()


def _own(*names: str) -> dict[str, Fate]:
    return dict.fromkeys(names, _OWN)


def _missing(advice: str, *names: str) -> dict[str, Fate]:
    return dict.fromkeys(names, Missing(advice))


def to_dict(tags: Any) -> Any:
    """Return the tags of a list as an object: version 2 writes Key and Value, version 3 key and value."""
    if not isinstance(tags, list):
        return tags
    pairs = [{str(name).lower(): one for name, one in tag.items()} for tag in tags if isinstance(tag, dict)]
    return {tag.get("key"): tag.get("value") for tag in pairs} if len(pairs) == len(tags) else tags


_ARCHIVE = "sagebuild deploys a model.tar.gz, so the output stays compressed"
# Both generations; version 1 of the SDK began the names of the instances' arguments with train_.
_COMPUTE: dict[str, Fate] = {
    "instance_type": Put("traininstancetype"),
    "instance_count": Put("traininstancecount"),
    "keep_alive_period_in_seconds": Put("keepalive", default=0),
    "volume_size": Put("trainvolumesize"),
    "volume_size_in_gb": Put("trainvolumesize"),
    "volume_kms_key": Put("volumekmskey"),
    "volume_kms_key_id": Put("volumekmskey"),
    "enable_managed_spot_training": Put("spot", default=False),
    **_missing(TRAINING_HOOK, "training_plan", "training_plan_arn", "instance_placement_config"),
    **_missing("set instancegroups (docs/parameters.md)", "instance_groups", "instance_preferences"),
}
_LIMITS: dict[str, Fate] = {
    "max_run": Put("trainmaxrun", to_hours),
    "max_wait": Put("spotmaxwait", to_hours),
    "max_runtime_in_seconds": Put("trainmaxrun", to_hours),
    "max_wait_time_in_seconds": Put("spotmaxwait", to_hours),
    **_missing(TRAINING_HOOK, "max_pending_time_in_seconds"),
}
_NETWORK: dict[str, Fate] = {
    "subnets": Put("subnets"),
    "security_group_ids": Put("securitygroups"),
    "enable_network_isolation": Put("networkisolation", default=False),
    "encrypt_inter_container_traffic": Put("trafficencryption", default=False),
    "enable_inter_container_traffic_encryption": Put("trafficencryption", default=False),
}
ESTIMATOR: Table = {
    **_COMPUTE,
    **_LIMITS,
    **_NETWORK,
    "train_instance_type": Put("traininstancetype"),
    "train_instance_count": Put("traininstancecount"),
    "train_volume_size": Put("trainvolumesize"),
    "train_max_run": Put("trainmaxrun", to_hours),
    "train_max_wait": Put("spotmaxwait", to_hours),
    "train_use_spot_instances": Put("spot", default=False),
    "use_spot_instances": Put("spot", default=False),
    "input_mode": Put("inputmode", default="File"),
    "output_kms_key": Put("outputkmskey"),
    "environment": Put("environment"),
    "max_retry_attempts": Put("retryattempts"),
    "container_log_level": Put("containerloglevel"),
    "py_version": Put("pyversion"),
    "tags": Put("Tags", to_dict),
    **_own("role", "sagemaker_session", "output_path", "base_job_name", "code_location", "image_uri_region"),
    **_own("script_mode", "enable_sagemaker_metrics"),
    **_missing(_ARCHIVE, "disable_output_compression"),
    **_missing("sagebuild runs no compiler or recipe", "compiler_config", "training_recipe", "recipe_overrides"),
    **_missing(TRAINING_HOOK, "rules", "debugger_hook_config", "tensorboard_output_config", "profiler_config"),
    **_missing(TRAINING_HOOK, "enable_infra_check", "enable_remote_debug", "enable_session_tag_chaining"),
    **_missing(TRAINING_HOOK, "container_entry_point", "container_arguments", "training_repository_access_mode"),
    **_missing(TRAINING_HOOK, "training_repository_credentials_provider_arn"),
    "disable_profiler": _OWN,  # without a hook there is no profiler
}
FIT: Table = {
    **_own("wait", "logs", "job_name", "dry_run", "include_cls_metadata", "estimator_kwargs"),
    **_missing(TRAINING_HOOK, "experiment_config"),
}
TRAINER: Table = {
    **_COMPUTE,
    **_LIMITS,
    **_NETWORK,
    "training_input_mode": Put("inputmode", default="File"),
    "environment": Put("environment"),
    "tags": Put("Tags", to_dict),
    **_own("role", "sagemaker_session", "base_job_name", "training_mode", "local_container_root", "config_mgr"),
    **_own("model_package_config", "input_s3_key_prefix"),
    **_missing(TRAINING_HOOK, "training_image_config"),
    **_missing("give the image of the algorithm as training_image", "algorithm_name"),
}
COMPUTE: Table = {
    **_COMPUTE,
    **_missing("choose one type and count", "selected_instance_type", "selected_instance_count"),
}
LIMITS: Table = _LIMITS
NETWORK: Table = _NETWORK
OUTPUT: Table = {
    "kms_key_id": Put("outputkmskey"),
    "s3_output_path": _OWN,
    "compression_type": Missing(_ARCHIVE),
}
RETRY: Table = {"maximum_retry_attempts": Put("retryattempts")}
TUNER: Table = {
    "strategy": Put("tuningstrategy", default="Bayesian"),
    "max_jobs": Put("maxtrainingjobs"),
    "max_parallel_jobs": Put("maxparalleltrainingjobs"),
    "early_stopping_type": Put("earlystopping", default="Off"),
    "tags": Put("Tags", to_dict),
    **_own("base_tuning_job_name", "estimator_name", "model_trainer_name"),
    **_missing("limit each training with trainmaxrun, or the cost with maxcost", "max_runtime_in_seconds"),
    **_missing(TRAINING_HOOK, "random_seed", "autotune", "hyperparameters_to_keep_static"),
}
DEPLOY: Table = {
    "initial_instance_count": Put("hostinstancecount"),
    "instance_type": Put("hostinstancetype"),
    "kms_key": Put("hostkmskey"),
    "model_data_download_timeout": Put("downloadtimeout"),
    "container_startup_health_check_timeout": Put("starttimeout"),
    "container_timeout_in_seconds": Put("starttimeout"),
    "inference_ami_version": Put("inferenceami"),
    "env": Put("modelhostingenvironment"),
    "tags": Put("Tags", to_dict),
    **_own("name", "model_name", "endpoint_name", "inference_component_name", "endpoint_config_name", "role"),
    **_own("update_endpoint", "wait", "reuse_resources", "sagemaker_session", "use_compiled_model"),
    **_missing("invoke the endpoint with sagebuild predict or stack.predict", "serializer", "deserializer"),
    **_missing("invoke the endpoint with sagebuild predict or stack.predict", "predictor_cls"),
    **_missing(ENDPOINT_HOOK, "explainer_config", "volume_size", "managed_instance_scaling", "routing_config"),
    **_missing(ENDPOINT_HOOK, "endpoint_logging"),
    **_missing("elastic inference has ended; choose an instance type", "accelerator_type"),
    **_missing("sagebuild deploys models on instances of their own", "resources", "endpoint_type", "accept_eula"),
}
MODEL: Table = {
    "env": Put("modelhostingenvironment"),
    "env_vars": Put("modelhostingenvironment"),
    "py_version": Put("pyversion"),
    "container_log_level": Put("containerloglevel"),
    "log_level": Put("containerloglevel"),
    "enable_network_isolation": Put("networkisolation", default=False),
    "instance_type": Put("hostinstancetype"),
    "initial_instance_count": Put("hostinstancecount"),
    "tags": Put("Tags", to_dict),
    **_own("role", "role_arn", "name", "sagemaker_session", "code_location", "mode", "region", "model_server"),
    **_own("compute", "model_metadata", "content_type", "accept_type"),
    **_missing(MODEL_HOOK, "image_config", "model_kms_key", "additional_model_data_sources"),
    **_missing("put the functions into the serving script, hostentrypoint", "inference_spec", "schema_builder"),
    **_missing("upload it with sagebuild upload model, and set ModelArtifacts", "model", "model_path"),
    **_missing("put it into the source folder", "shared_libs"),
    **_missing("set pipeline (docs/parameters.md)", "modelbuilder_list"),
    **_missing("invoke the endpoint with sagebuild predict or stack.predict", "predictor_cls"),
}


class Arguments:
    """The arguments of a call; what is not taken out of them goes the way of a table."""

    def __init__(self, draft: Draft, call: Call, positions: tuple[str, ...] = ()) -> None:
        self.draft = draft
        self.call = call
        self._places: dict[str, str | int] = {name: name for name in call.keywords}
        self._left = dict(call.keywords)
        for place, value in enumerate(call.arguments):
            name = positions[place] if place < len(positions) else f"argument {place + 1}"
            self._left[name], self._places[name] = value, place

    def __contains__(self, name: str) -> bool:
        return self._left.get(name) is not None

    def locate(self, name: str) -> str:
        """Return the place of an argument for the report."""
        return f"{self.call.locate(self._places.get(name, name)).partition(':')[0]}: {name}"

    def take(self, name: str) -> Any:
        """Remove and return an argument, which may have unknown parts; None if it is absent."""
        return self._left.pop(name, None)

    def take_known(self, name: str, parameter: str) -> Any:
        """Remove and return an argument; None if it is absent, or not known, which is reported."""
        value = self.take(name)
        if value is not None and self.is_unknown(self.locate(name), value, parameter):
            return None
        return value

    def is_unknown(self, origin: str, value: Any, parameter: str) -> bool:
        """Report a value that only the running program knows; False if it is known."""
        if (part := find_unknown(value)) is None:
            return False
        self.draft.refuse(origin, str(part), f"only the running program knows the value; set {parameter}")
        return True

    def finish(self, table: Table) -> None:
        """Convert the arguments that are left."""
        for name in list(self._left):
            self._convert(name, self._left.pop(name), table)

    def _convert(self, name: str, value: Any, table: Table) -> None:
        origin, fate = self.locate(name), table.get(name)
        if value is None:
            return
        if fate is None:
            self.draft.refuse(origin, str(value), "sagebuild does not know this argument")
        elif isinstance(fate, Own):
            self.draft.give(origin)
        elif isinstance(fate, Missing):
            if value is not False:
                self.draft.refuse(origin, str(value), fate.advice)
        elif isinstance(value, dict):
            self._put_entries(origin, value, fate)
        elif not self.is_unknown(origin, value, fate.parameter):
            self.draft.put(fate.parameter, fate.convert(value), origin, default=fate.default)

    def _put_entries(self, origin: str, values: dict[Any, Any], fate: Put) -> None:
        """Set the entries of an object whose values are known, and report the others."""
        for name, value in values.items():
            if not self.is_unknown(f"{origin}.{name}", {name: value}, f"{fate.parameter}.{name}") and value is not None:
                self.draft.put_entry(fate.parameter, str(name), value, origin)
