"""Refuses functions and mappings that Lambda refuses or that this engine does not support."""

import json
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException

from local.functions.deployment import RESERVED_VARIABLES

# Of JSON, as localstack/localstack has recorded it: tests/aws/services/lambda_/test_lambda_api.py
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
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > _MAX_VARIABLES_BYTES:
        raise InvalidParameterValueException(
            "Lambda was unable to configure your environment variables because the environment variables you have"
            f" provided exceeded the 4KB limit. String measured: {measured}"
        )


def check_package(spec: dict[str, Any]) -> None:
    """Refuse a new function whose .zip archive has no runtime or handler.

    https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
    """
    if spec.get("PackageType", "Zip") == "Zip" and not (spec.get("Runtime") and spec.get("Handler")):
        raise InvalidParameterValueException(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        )


def check_mapping(spec: dict[str, Any]) -> None:
    """Refuse unsupported event sources, and batch sizes that Lambda refuses.

    Raises
    ------
    InvalidParameterValueException
        With the event source or the rule.
    """
    source = spec.get("EventSourceArn", "")
    service = source.split(":")[2] if source else ""
    if service not in ("", "sqs", "dynamodb"):
        raise InvalidParameterValueException(f"local/ polls only SQS queues and streams of DynamoDB, not {source}")
    if service == "dynamodb":
        _check_stream(spec)
    elif spec.get("BatchSize", 1) > 10 and not spec.get("MaximumBatchingWindowInSeconds"):
        raise InvalidParameterValueException(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )


def _check_stream(spec: dict[str, Any]) -> None:
    if spec.get("StartingPosition") not in ("LATEST", "TRIM_HORIZON"):
        raise InvalidParameterValueException("StartingPosition of a stream of DynamoDB is LATEST or TRIM_HORIZON")
    if spec.get("ParallelizationFactor", 1) != 1 or spec.get("TumblingWindowInSeconds"):
        raise InvalidParameterValueException("local/ serves neither ParallelizationFactor nor TumblingWindowInSeconds")
    destination = spec.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
    if destination and destination.split(":")[2] != "sqs":
        raise InvalidParameterValueException(f"local/ sends what failed only to SQS queues, not to {destination}")
