"""InvokeEndpoint: the sagemaker-runtime API in front of the model servers."""

from typing import Any, cast

from moto.core.exceptions import ServiceException
from moto.sagemaker.models import sagemaker_backends
from moto.sagemakerruntime.responses import SageMakerRuntimeResponse

from local.sagemaker.endpoint import Endpoint
from local.sagemaker.model_server import Answer, ModelServer

_CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_FORWARDED = ("Content-Type", "Accept", _CUSTOM_ATTRIBUTES, "X-Amzn-SageMaker-Inference-Id")
_UNSUPPORTED = ("Target-Model", "Target-Container-Hostname", "Enable-Explanations", "Inference-Component", "Session-Id")


class RuntimeValidationError(ServiceException):  # type: ignore[misc]
    """The request names something that does not serve."""

    code = "ValidationError"


class ModelError(ServiceException):  # type: ignore[misc]
    """The container answered with an error, or not at all."""

    code = "ModelError"

    def __init__(self, status: int, original: str, message: str, log_stream_arn: str) -> None:
        super().__init__(message)
        self.OriginalStatusCode = status
        self.OriginalMessage = original
        self.LogStreamArn = log_stream_arn


class UnsupportedInvocationError(ServiceException):  # type: ignore[misc]
    """This engine has no such invocation."""

    code = "ValidationError"


def install() -> None:
    """Put real invocations in place of moto's canned ones."""
    # Bodies are binary: images, NPY, anything.
    SageMakerRuntimeResponse.use_raw_body = True
    SageMakerRuntimeResponse.invoke_endpoint = _invoke_endpoint
    SageMakerRuntimeResponse.invoke_endpoint_async = _refuse_async


def _invoke_endpoint(response: Any) -> tuple[int, dict[str, str], bytes]:
    for name in _UNSUPPORTED:
        if response.headers.get(f"X-Amzn-SageMaker-{name}"):
            raise UnsupportedInvocationError(f"local/ does not support X-Amzn-SageMaker-{name} of InvokeEndpoint.")
    name = response.path.split("/")[2]
    variant = response.headers.get("X-Amzn-SageMaker-Target-Variant")
    server = _enter_server(response, name, variant)
    try:
        answer = _ask(server, response, _log_stream_arn(response, name, server))
    finally:
        server.leave()
    headers = {
        "Content-Type": answer.headers.get("Content-Type", "application/octet-stream"),
        "x-Amzn-Invoked-Production-Variant": server.variant["VariantName"],
    }
    if attributes := answer.headers.get(_CUSTOM_ATTRIBUTES):
        headers[_CUSTOM_ATTRIBUTES] = attributes
    return 200, headers, answer.body


def _enter_server(response: Any, name: str, variant: str | None) -> ModelServer:
    backend = sagemaker_backends[response.current_account][response.region]
    endpoint = cast("Endpoint | None", backend.endpoints.get(name))
    serves, server = endpoint.choose(variant) if endpoint else (False, None)
    if not serves:
        raise RuntimeValidationError(f"Endpoint {name} of account {response.current_account} not found.")
    if not server:
        raise RuntimeValidationError(f"Variant {variant} not found in endpoint {name}.")
    return server


def _ask(server: ModelServer, response: Any, log_stream_arn: str) -> Answer:
    headers = {name: response.headers[name] for name in _FORWARDED if response.headers.get(name)}
    try:
        answer = server.invoke(headers, response.raw_body)
    except TimeoutError:
        message = "Invocation timed out while waiting for a response from container primary"
        raise ModelError(0, message, message, log_stream_arn) from None
    except OSError as error:
        message = f"The container primary does not answer: {error}"
        raise ModelError(500, message, message, log_stream_arn) from error
    if answer.status >= 400:
        original = answer.body.decode(errors="replace")
        side = "client" if answer.status < 500 else "server"
        message = f'Received {side} error ({answer.status}) from primary with message "{original}".'
        raise ModelError(answer.status, original, message, log_stream_arn)
    return answer


def _log_stream_arn(response: Any, endpoint: str, server: ModelServer) -> str:
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    place = f"arn:aws:logs:{response.region}:{response.current_account}"
    return f"{place}:log-group:{group}:log-stream:{server.log_stream}"


def _refuse_async(_: Any) -> None:
    raise UnsupportedInvocationError("local/ does not support InvokeEndpointAsync.")
