"""The Invoke operation."""

import base64
import json
from typing import Any
from urllib.parse import unquote

from moto.awslambda.exceptions import LambdaClientError, UnknownFunctionException
from moto.awslambda.responses import LambdaResponse
from moto.core.responses import BaseResponse

from local.functions.backend import LambdaBackend

_REQUEST_ID = "x-amzn-requestid"
_NOT_FOUND = "Function not found: "
_MAX_BYTES = {"RequestResponse": 6_291_456, "Event": 1_048_576}


class RequestTooLargeError(LambdaClientError):  # type: ignore[misc]
    """The payload is larger than the invocation type allows."""

    code = 413

    def __init__(self, size: int, kind: str) -> None:
        limit = _MAX_BYTES[kind]
        message = f"{size} byte payload is too large for the {kind} invocation type (limit {limit} bytes)"
        super().__init__("RequestTooLargeException", message)


class InvalidRequestContentError(LambdaClientError):  # type: ignore[misc]
    """The payload is not JSON."""

    def __init__(self, reason: str) -> None:
        super().__init__("InvalidRequestContentException", f"Could not parse request body into json: {reason}")


def invoke(response: LambdaResponse) -> tuple[int, dict[str, str], bytes]:
    """Answer one Invoke; moto's ignores the Qualifier and has only one error."""
    name = unquote(response.path.rsplit("/", 2)[-2])
    qualifier = response.querystring.get("Qualifier", [None])[0]
    payload = response.body.encode() if isinstance(response.body, str) else response.body
    backend: LambdaBackend = response.backend
    _check_function(backend, name, qualifier)
    kind = response.headers.get("X-Amz-Invocation-Type", "RequestResponse")
    if kind == "DryRun":
        return 204, {"status": "204"}, b""
    _check(payload, kind)
    context = base64.b64decode(response.headers.get("X-Amz-Client-Context", "")).decode() or None
    if kind == "Event":
        request = backend.invoke_event(name, qualifier, payload, context)
        return 202, {"status": "202", _REQUEST_ID: request.id}, b""
    return _run(backend, name, qualifier, payload, context, tail=response.headers.get("X-Amz-Log-Type") == "Tail")


def _check_function(backend: LambdaBackend, name: str, qualifier: str | None) -> None:
    try:
        backend.get_function(name, qualifier)
    except UnknownFunctionException as error:
        # Invoke, unlike the other operations, names the version that it looked for.
        if qualifier:
            raise
        raise UnknownFunctionException(f"{str(error.message).removeprefix(_NOT_FOUND)}:$LATEST") from None


def enrich_response(headers: dict[str, str], body: Any) -> tuple[dict[str, str], Any]:
    """Add moto's headers, but keep the request id of an invocation, which the function also gets."""
    given = {_REQUEST_ID: headers[_REQUEST_ID]} if _REQUEST_ID in headers else {}
    headers, body = BaseResponse._enrich_response(headers, body)
    return headers | given, body


def _check(payload: bytes, kind: str) -> None:
    if len(payload) > _MAX_BYTES[kind]:
        raise RequestTooLargeError(len(payload), kind)
    try:
        json.loads(payload or b"{}")
    except ValueError as error:
        raise InvalidRequestContentError(str(error)) from None


def _run(
    backend: LambdaBackend, name: str, qualifier: str | None, payload: bytes, context: str | None, *, tail: bool
) -> tuple[int, dict[str, str], bytes]:
    request: Any = backend.request(name, qualifier, payload, context)
    outcome = backend.run(name, qualifier, request)
    headers = {
        "Content-Type": "application/json",
        _REQUEST_ID: request.id,
        "X-Amz-Executed-Version": outcome.version,
    }
    if outcome.failed:
        headers["X-Amz-Function-Error"] = "Unhandled"
    if tail:
        headers["X-Amz-Log-Result"] = base64.b64encode(outcome.log_tail).decode()
    return 200, headers, outcome.payload
