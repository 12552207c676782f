"""What Lambda, or this engine, refuses in a function's specification."""

from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException

from local.functions.deployment import RESERVED_VARIABLES

_MAX_VARIABLES_BYTES = 4096


def check_specification(spec: dict[str, Any]) -> None:
    """Refuse what cannot run.

    Raises
    ------
    InvalidParameterValueException
        With Lambda's words, or naming what local/ does not run.
    """
    if spec.get("PackageType", "Zip") != "Zip":
        raise InvalidParameterValueException("local/ runs functions from .zip archives only, not container images")
    runtime = spec.get("Runtime")
    if runtime is not None and not runtime.startswith("python"):
        raise InvalidParameterValueException(f"local/ runs Python functions only, not {runtime}")
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
    """Refuse event sources that nothing here polls, and batches that Lambda would not collect.

    Raises
    ------
    InvalidParameterValueException
        Naming which.
    """
    source = spec.get("EventSourceArn", "")
    if source and source.split(":")[2] != "sqs":
        raise InvalidParameterValueException(f"local/ polls SQS queues only, not {source}")
    if spec.get("BatchSize", 1) > 10 and not spec.get("MaximumBatchingWindowInSeconds"):
        raise InvalidParameterValueException(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )
