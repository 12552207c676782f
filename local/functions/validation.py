"""Refuses functions and mappings that Lambda refuses or that this engine does not support."""

from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException

from local.functions.deployment import RESERVED_VARIABLES

_MAX_VARIABLES_BYTES = 4096


def check_specification(spec: dict[str, Any]) -> None:
    """Refuse a function that cannot run.

    Raises
    ------
    InvalidParameterValueException
        With Lambda's message, or with the unsupported feature.
    """
    if spec.get("PackageType", "Zip") != "Zip":
        raise InvalidParameterValueException("local/ runs only functions from .zip archives, not container images")
    runtime = spec.get("Runtime")
    if runtime is not None and not runtime.startswith("python"):
        raise InvalidParameterValueException(f"local/ runs only Python functions, not {runtime}")
    variables = (spec.get("Environment") or {}).get("Variables", {})
    if taken := sorted(RESERVED_VARIABLES & set(variables)):
        raise InvalidParameterValueException(
            "Lambda was unable to configure your environment variables because the environment variables you have"
            " provided contains reserved keys that are currently not supported for modification."
            f" Reserved keys used in this request: {', '.join(taken)}"
        )
    size = sum(len(name.encode()) + len(str(value).encode()) for name, value in variables.items())
    if size > _MAX_VARIABLES_BYTES:
        raise InvalidParameterValueException(
            "Lambda was unable to configure your environment variables because the environment variables you have"
            f" provided exceeded the {_MAX_VARIABLES_BYTES} bytes limit."
        )


def check_mapping(spec: dict[str, Any]) -> None:
    """Refuse unsupported event sources, and batch sizes that Lambda refuses.

    Raises
    ------
    InvalidParameterValueException
        With the event source or the rule.
    """
    source = spec.get("EventSourceArn", "")
    if source and source.split(":")[2] != "sqs":
        raise InvalidParameterValueException(f"local/ polls only SQS queues, not {source}")
    if spec.get("BatchSize", 1) > 10 and not spec.get("MaximumBatchingWindowInSeconds"):
        raise InvalidParameterValueException(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )
