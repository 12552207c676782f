"""Invokes the stack's endpoint with data, and returns its answer as Python values."""

from __future__ import annotations

from typing import Any

from sagebuild.client.answers import decode
from sagebuild.client.aws_errors import translating_errors
from sagebuild.client.invoking import invoke
from sagebuild.client.request_data import encode
from sagebuild.errors import InputError
from sagebuild.names import name_endpoint
from sagebuild.service import Service, aws_call

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
_MAXIMUM_MB = 25


def predict(
    service: Service,
    runtime: Any,
    data: Any,
    content_type: str | None,
    accept: str,
    *,
    header: bool,
    raw: bool,
    wait: bool = False,
) -> Any:
    """Return the endpoint's prediction; see `Pipeline.predict`."""
    body, content_type = encode(data, content_type, header=header)
    if len(body) > _MAXIMUM_MB * 1024 * 1024:
        raise InputError(
            f"The request has {len(body)} bytes; an endpoint accepts at most {_MAXIMUM_MB} MB. Split the request."
        )
    request = {"ContentType": content_type, "Accept": accept, "Body": body}
    with translating_errors(), aws_call(f"invoke the endpoint {name_endpoint(service)}"):
        answer = invoke(service, runtime.invoke_endpoint, request, wait=wait)
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
