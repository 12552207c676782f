"""The sagemaker-runtime API: InvokeEndpoint, InvokeEndpointWithResponseStream and InvokeEndpointAsync."""

import json
from collections.abc import Iterator
from typing import Any, cast

from moto.core.exceptions import ServiceException
from moto.sagemaker.models import sagemaker_backends
from moto.sagemakerruntime import urls
from moto.sagemakerruntime.responses import SageMakerRuntimeResponse

from local import partitions
from local.sagemaker.asynchronous import AsynchronousRequest
from local.sagemaker.component import InferenceComponent
from local.sagemaker.container_client import InvocationError
from local.sagemaker.endpoint import Endpoint
from local.sagemaker.event_stream import encode_failure, encode_part
from local.sagemaker.invocation_metrics import Invocation
from local.sagemaker.model_server import ModelServer

_PREFIX = "X-Amzn-SageMaker-"
_CUSTOM_ATTRIBUTES = f"{_PREFIX}Custom-Attributes"
_FORWARDED = ("Content-Type", "Accept", _CUSTOM_ATTRIBUTES, f"{_PREFIX}Inference-Id")
# By header for the container: the header of InvokeEndpointAsync.
_FORWARDED_ASYNC = {
    "Content-Type": f"{_PREFIX}Content-Type",
    "Accept": f"{_PREFIX}Accept",
    _CUSTOM_ATTRIBUTES: _CUSTOM_ATTRIBUTES,
    f"{_PREFIX}Inference-Id": f"{_PREFIX}Inference-Id",
}
_UNSUPPORTED_ASYNC = ("S3OutputPathExtension", "Filename")
_TTL_SECONDS, _ASYNC_SECONDS = 6 * 3600, 15 * 60  # AWS's defaults
_UNSUPPORTED = ("Target-Model", "Target-Container-Hostname", "Enable-Explanations", "Session-Id")
_COMPONENT = f"{_PREFIX}Inference-Component"


class RuntimeValidationError(ServiceException):  # type: ignore[misc]
    """The request names an endpoint or variant that does not exist or does not serve."""

    code = "ValidationError"


class ModelError(ServiceException):  # type: ignore[misc]
    """The container answered with an error, or did not answer."""

    code = "ModelError"

    def __init__(self, status: int, original: str, message: str, log_stream_arn: str) -> None:
        super().__init__(message)
        self.OriginalStatusCode = status
        self.OriginalMessage = original
        self.LogStreamArn = log_stream_arn


class UnsupportedInvocationError(ServiceException):  # type: ignore[misc]
    """This engine does not support the invocation."""

    code = "ValidationError"


def install() -> None:
    """Replace moto's canned invocations by real ones."""
    # Bodies may be binary.
    SageMakerRuntimeResponse.use_raw_body = True
    SageMakerRuntimeResponse.invoke_endpoint = _invoke_endpoint
    SageMakerRuntimeResponse.invoke_endpoint_async = _invoke_endpoint_async
    SageMakerRuntimeResponse.invoke_endpoint_with_response_stream = _invoke_with_stream
    urls.url_paths["{0}/endpoints/(?P<name>[^/]+)/invocations-response-stream$"] = urls.response.dispatch


def _invoke_endpoint(response: Any) -> tuple[int, dict[str, str], bytes]:
    _refuse(response, _UNSUPPORTED, "InvokeEndpoint")
    endpoint = _find_endpoint(response)
    if endpoint.queue:
        raise RuntimeValidationError(f"Endpoint {endpoint.name} is asynchronous; use InvokeEndpointAsync.")
    server, invocation, log_group = _enter_server(response, endpoint)
    headers = {name: response.headers[name] for name in _FORWARDED if response.headers.get(name)}
    try:
        answer = server.invoke(headers, response.raw_body)
    except InvocationError as error:
        invocation.end(error.status)
        arn = _log_stream_arn(response, log_group, error.log_stream)
        raise ModelError(error.status, error.original, str(error), arn) from error
    else:
        invocation.end()
    finally:
        server.leave()
    content_type = answer.headers.get("Content-Type", "application/octet-stream")
    if server.capture:
        asked = (headers.get("Content-Type", "application/octet-stream"), response.raw_body)
        parts = {"Input": asked, "Output": (content_type, answer.body)}
        server.capture.record(parts, headers.get(f"{_PREFIX}Inference-Id"))
    response_headers = {
        "Content-Type": content_type,
        "x-Amzn-Invoked-Production-Variant": server.variant["VariantName"],
    }
    if attributes := answer.headers.get(_CUSTOM_ATTRIBUTES):
        response_headers[_CUSTOM_ATTRIBUTES] = attributes
    return 200, response_headers, answer.body


def _invoke_with_stream(response: Any) -> tuple[int, dict[str, str], Iterator[bytes]]:
    _refuse(response, _UNSUPPORTED, "InvokeEndpointWithResponseStream")
    endpoint = _find_endpoint(response)
    if endpoint.queue:
        raise RuntimeValidationError(f"Endpoint {endpoint.name} is asynchronous; use InvokeEndpointAsync.")
    server, invocation, log_group = _enter_server(response, endpoint)
    if "ServerlessConfig" in server.variant:
        server.leave()
        raise RuntimeValidationError(f"Endpoint {endpoint.name} is serverless, and streams no answers.")
    headers = {name: response.headers[name] for name in _FORWARDED if response.headers.get(name)}
    # The request's header for the content type of the container's answer has a name of its own.
    if accept := response.headers.get(f"{_PREFIX}Accept"):
        headers["Accept"] = accept
    try:
        answer_headers, parts = server.stream(headers, response.raw_body)
    except InvocationError as error:
        server.leave()
        invocation.end(error.status)
        arn = _log_stream_arn(response, log_group, error.log_stream)
        raise ModelError(error.status, error.original, str(error), arn) from error
    response_headers = {
        "Content-Type": "application/vnd.amazon.eventstream",
        f"{_PREFIX}Content-Type": answer_headers.get("Content-Type", "application/octet-stream"),
        "x-Amzn-Invoked-Production-Variant": server.variant["VariantName"],
    }
    return 200, response_headers, _encode_parts(server, parts, invocation)


def _encode_parts(server: ModelServer, parts: Iterator[bytes], invocation: Invocation) -> Iterator[bytes]:
    try:
        for part in parts:
            yield encode_part(part)
        invocation.end()
    except InvocationError as error:
        invocation.end(error.status)
        yield encode_failure(str(error))
    finally:
        server.leave()


def _invoke_endpoint_async(response: Any) -> tuple[int, dict[str, str], str]:
    _refuse(response, _UNSUPPORTED_ASYNC, "InvokeEndpointAsync")
    endpoint = _find_endpoint(response)
    if not endpoint.queue:
        raise RuntimeValidationError(f"Endpoint {endpoint.name} is not asynchronous; use InvokeEndpoint.")
    options = {
        "InputLocation": response.headers[f"{_PREFIX}InputLocation"],
        "InferenceId": response.headers.get(f"{_PREFIX}Inference-Id"),
        "RequestTTLSeconds": int(response.headers.get(f"{_PREFIX}RequestTTLSeconds") or _TTL_SECONDS),
        "InvocationTimeoutSeconds": int(response.headers.get(f"{_PREFIX}InvocationTimeoutSeconds") or _ASYNC_SECONDS),
    }
    given = {name: response.headers.get(key) for name, key in _FORWARDED_ASYNC.items()}
    request = AsynchronousRequest(
        endpoint, response.region, {name: value for name, value in given.items() if value}, options
    )
    request.start()
    # moto reads the status of an answer from its headers.
    response_headers = {
        "status": "202",
        "Content-Type": "application/json",
        f"{_PREFIX}OutputLocation": request.output_location,
    }
    if request.failure_location:
        response_headers[f"{_PREFIX}FailureLocation"] = request.failure_location
    return 202, response_headers, json.dumps({"InferenceId": request.inference_id})


def _refuse(response: Any, names: tuple[str, ...], call: str) -> None:
    for name in names:
        if response.headers.get(f"{_PREFIX}{name}"):
            raise UnsupportedInvocationError(f"local/ does not support {_PREFIX}{name} of {call}.")


def _find_endpoint(response: Any) -> Endpoint:
    name = response.path.split("/")[2]
    backend = sagemaker_backends[response.current_account][response.region]
    endpoint = cast("Endpoint | None", backend.endpoints.get(name))
    if not endpoint:
        raise RuntimeValidationError(f"Endpoint {name} of account {response.current_account} not found.")
    return endpoint


def _enter_server(response: Any, endpoint: Endpoint) -> tuple[ModelServer, Invocation, str]:
    """Enter the server of the variant or inference component that a request names; with its metrics and log group."""
    component = response.headers.get(_COMPONENT)
    if endpoint.hosts_components or component:
        return _enter_component(response, endpoint, component)
    variant = response.headers.get(f"{_PREFIX}Target-Variant")
    serves, server = endpoint.choose(variant)
    if not serves:
        raise RuntimeValidationError(f"Endpoint {endpoint.name} of account {response.current_account} not found.")
    if not server:
        raise RuntimeValidationError(f"Variant {variant} not found in endpoint {endpoint.name}.")
    invocation = Invocation(response.region, EndpointName=endpoint.name, VariantName=server.variant["VariantName"])
    return server, invocation, f"/aws/sagemaker/Endpoints/{endpoint.name}"


def _enter_component(response: Any, endpoint: Endpoint, name: str | None) -> tuple[ModelServer, Invocation, str]:
    # The messages are AWS's.
    if not endpoint.hosts_components:
        raise RuntimeValidationError(
            "Inference Component Name header is not allowed for endpoints to which you dont plan to deploy inference "
            "components. Please remove the Inference Component Name header and try again."
        )
    if not name:
        raise RuntimeValidationError(
            "Inference Component Name header is required for endpoints to which you plan to deploy inference "
            "components. Please include Inference Component Name header or consider using SageMaker models."
        )
    backend = sagemaker_backends[response.current_account][response.region]
    component = cast("InferenceComponent | None", backend.components.get(name))
    if not component or component.endpoint != endpoint.name:
        raise RuntimeValidationError(f"Inference component {name} of endpoint {endpoint.name} not found.")
    server, invocation = component.choose(), Invocation(response.region, InferenceComponentName=name)
    if not server:
        invocation.fail_without_copy()
        raise RuntimeValidationError(
            "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress "
            "(if configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API."
        )
    return server, invocation, f"/aws/sagemaker/InferenceComponents/{name}"


def _log_stream_arn(response: Any, group: str, log_stream: str) -> str:
    place = f"arn:{partitions.of(response.region)}:logs:{response.region}:{response.current_account}"
    return f"{place}:log-group:{group}:log-stream:{log_stream}"
