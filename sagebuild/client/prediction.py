"""Invokes the stack's endpoint with data, and returns its answer as Python values."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from sagebuild.client.answers import decode
from sagebuild.client.aws_errors import translating_errors
from sagebuild.client.descriptions import suggest
from sagebuild.client.request_data import encode
from sagebuild.errors import EndpointError, InputError
from sagebuild.names import name_endpoint
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.service import Service, aws_call

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
_MAXIMUM_MB = 25


def predict(
    service: Service, runtime: Any, data: Any, content_type: str | None, accept: str, *, header: bool, raw: bool
) -> Any:
    """Return the endpoint's prediction; see `Pipeline.predict`."""
    body, content_type = encode(data, content_type, header=header)
    if len(body) > _MAXIMUM_MB * 1024 * 1024:
        raise InputError(
            f"The request has {len(body)} bytes; an endpoint accepts at most {_MAXIMUM_MB} MB. Split the request."
        )
    name = name_endpoint(service)
    with translating_errors(), aws_call(f"invoke the endpoint {name}"):
        try:
            answer = runtime.invoke_endpoint(EndpointName=name, ContentType=content_type, Accept=accept, Body=body)
        except ClientError as error:
            raise translate_endpoint_error(service, error) from error
    content: bytes = answer["Body"].read()
    if raw:
        return content
    decoded = decode(content, answer.get("ContentType", ""))
    return _to_array(decoded) if hasattr(data, "__array__") else decoded


def _to_array(decoded: Any) -> Any:
    """Return an answer of rows or values as an array; another one as it is."""
    import numpy

    if not isinstance(decoded, list) or any(isinstance(each, dict) for each in decoded):
        return decoded
    try:
        return numpy.asarray(decoded)
    except ValueError:  # rows of different lengths
        return decoded


def translate_endpoint_error(service: Service, error: ClientError) -> Exception:
    """Return the error to raise for one of an invocation: with the reason, if it is the endpoint's."""
    code = error.response["Error"]["Code"]
    name, message = name_endpoint(service), error.response["Error"].get("Message", "")
    if code == "ModelError":
        return EndpointError(f"The model of the endpoint {name} failed: {message}")
    if code not in {"ValidationError", "ValidationException"}:
        return error
    endpoint = describe_endpoint(service)
    if endpoint is None:
        return EndpointError(
            f"There is no endpoint {name} yet; the first successful build creates it: "
            f"{suggest(service, 'start --watch')}."
        )
    if endpoint.status != "InService":
        return EndpointError(f"The endpoint {name} is {endpoint.status}; try again when it is InService.")
    return EndpointError(f"The endpoint {name} rejected the request: {message}")
