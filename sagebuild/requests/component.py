"""Builds the requests for an inference component: an endpoint configuration without a model, and the model's copies.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sagebuild.builds.context import BuildContext
from sagebuild.names import VARIANT, name_component, name_endpoint
from sagebuild.requests.guardrails import build_rolling_config

if TYPE_CHECKING:
    from sagebuild.parameters import BuildParameters

Body = dict[str, Any]

# The members of a configuration and of its variant that an update of the endpoint changes.
_CONFIG_SETTINGS = ("KmsKeyId", "EnableNetworkIsolation", "VpcConfig")
_VARIANT_SETTINGS = ("InstanceType", "InferenceAmiVersion", "ManagedInstanceScaling")


def leave_model_out(context: BuildContext[BuildParameters], body: Body, network: Body) -> Body:
    """Return the body of an endpoint configuration without its model, for the instances of an inference component.

    Parameters
    ----------
    network
        The isolation and VPC of the model's container, which is those of the endpoint then.
    """
    parameters = context.parameters
    scaling = parameters.autoscaling
    (variant,) = body["ProductionVariants"]
    kept = {name: variant[name] for name in ("VariantName", "InstanceType", "InitialInstanceCount")}
    managed = {
        "Status": "ENABLED",
        # Some regions refuse 0: https://github.com/stdapi-ai/stdapi.ai/issues/43
        "MinInstanceCount": 0 if scaling and not scaling.minimum else 1,
        # One instance for each copy at most, and as many again for an update, which starts the new copies beside the
        # old ones.
        "MaxInstanceCount": 2 * parameters.largest_count,
    }
    image = {name: variant[name] for name in ("InferenceAmiVersion",) if name in variant}
    routing = {"RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}}
    # The role is required: https://github.com/stdapi-ai/stdapi.ai/issues/43
    role = {"ExecutionRoleArn": context.service.settings.hosting_role_arn}
    bare = kept | image | {"ManagedInstanceScaling": managed} | routing
    return body | network | role | {"ProductionVariants": [bare]}


def has_same_instances(config: Body, other: Body) -> bool:
    """Return whether two endpoint configurations without a model need no update of the endpoint between them."""
    return _read_settings(config) == _read_settings(other)


def build_component(context: BuildContext[BuildParameters], model: str, copies: int) -> Body:
    """Build the request of CreateInferenceComponent without its tags."""
    return {
        "InferenceComponentName": name_component(context.service),
        "EndpointName": name_endpoint(context.service),
        "VariantName": VARIANT,
        "Specification": build_specification(context.parameters, model),
        "RuntimeConfig": {"CopyCount": copies},
    }


def build_component_update(context: BuildContext[BuildParameters], model: str, copies: int) -> Body:
    """Build the request of UpdateInferenceComponent."""
    created = build_component(context, model, copies)
    kept = {name: created[name] for name in ("InferenceComponentName", "Specification", "RuntimeConfig")}
    return kept | build_rolling_config(context.parameters)


def build_specification(parameters: BuildParameters, model: str) -> Body:
    """Build what each copy of a model reserves, and how long it may take to start."""
    asked = parameters.inferencecomponent
    assert asked
    accelerators = asked.accelerators or parameters.gpus_per_copy
    reserved: Body = {"MinMemoryRequiredInMb": asked.memory}
    if asked.cpus:
        reserved["NumberOfCpuCoresRequired"] = asked.cpus
    if accelerators:
        reserved["NumberOfAcceleratorDevicesRequired"] = accelerators
    start = {
        "ModelDataDownloadTimeoutInSeconds": parameters.downloadtimeout,
        "ContainerStartupHealthCheckTimeoutInSeconds": parameters.starttimeout,
    }
    given = {name: value for name, value in start.items() if value}
    startup = {"StartupParameters": given} if given else {}
    return {"ModelName": model, "ComputeResourceRequirements": reserved} | startup


def _read_settings(config: Body) -> list[Any]:
    own = [config.get(name) or None for name in _CONFIG_SETTINGS]  # DescribeEndpointConfig may return a default
    return own + [[variant.get(name) for name in _VARIANT_SETTINGS] for variant in config["ProductionVariants"]]
