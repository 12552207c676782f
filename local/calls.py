"""Identifies every AWS call (caller, action, parameters) and runs the checks that may refuse it."""

import gzip
import json
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import IO, Any, cast

from botocore.session import Session
from flask import Flask, Response, g, has_request_context, request
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import determine_request_protocol
from moto.core.routing import NotFound as NoSuchOperation
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from local import accounts, callers, errors, storage
from local.callers import Caller
from local.console import print_line
from local.errors import RefusedError

MOTO_NAMES = (
    "moto.core.parse.PROTOCOL_PARSERS",
    "moto.core.parse.RequestParserError",
    "moto.core.request.determine_request_protocol",
    "moto.core.routing.NotFound",
    "moto.core.routing.get_service_router",
    "moto.core.utils.get_service_model",
)

# The URL for the response of a custom resource, which is a secret itself as on AWS, where it is presigned:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
_SECRET_PATH = "/cloudformation_"
# An action's IAM prefix is the service's signing name, except for these.
_IAM_PREFIXES = {"monitoring": "cloudwatch", "email": "ses", "tagging": "tag"}


@dataclass
class Call:
    """One AWS call.

    Parameters
    ----------
    service
        botocore's name of the service.
    operation
        botocore's model of the operation.
    protocol
        The wire protocol of the request: json, query, rest-json, rest-xml or ec2.
    region
        The region in the signature.
    caller
        The signer.
    parameters
        The input members by name; JSON values as sent.
    account
        The account of the signer, in which the call works.
    """

    service: str
    operation: Any
    protocol: str
    region: str
    caller: Caller
    parameters: dict[str, Any]
    account: str
    started: float = field(default_factory=time.monotonic)

    @cached_property
    def action(self) -> str:
        """The API action, e.g. ``sagemaker:CreateEndpoint``."""
        return f"{self.prefix}:{self.operation.name}"

    @property
    def prefix(self) -> str:
        """The service's prefix in IAM policies."""
        name = str(self.operation.service_model.signing_name)
        return _IAM_PREFIXES.get(name, name)


_checks: list[Callable[[Call], None]] = []
_answer_checks: list[Callable[[Call], None]] = []
_reports: list[Callable[[Call, int, str], None]] = []


def add_check(check: Callable[[Call], None]) -> None:
    """Run a check before each call is served; it refuses the call with RefusedError."""
    _checks.append(check)


def add_answer_check(check: Callable[[Call], None]) -> None:
    """Run a check after each call is served; it replaces the answer with RefusedError."""
    _answer_checks.append(check)


def add_report(report: Callable[[Call, int, str], None]) -> None:
    """Report each answered call with its HTTP status and its error code ("" for success)."""
    _reports.append(report)


def current() -> Call | None:
    """The call that this thread serves."""
    return g.get("call") if has_request_context() else None


def watch(app: Flask, moto_service: str) -> None:
    """Run the checks and reports on every call to one service's application."""
    service = botocore_name(moto_service)
    app.before_request(lambda: _check_call(service))
    app.register_error_handler(RefusedError, _refuse)
    if service is None:
        return
    app.after_request(_report_call)
    app.register_error_handler(NotFound, _refuse_unserved)
    app.register_error_handler(MethodNotAllowed, _refuse_unserved)
    app.register_error_handler(NotImplementedError, _refuse_unserved)
    app.register_error_handler(Exception, _report_internal_error)


def _check_call(service: str | None) -> Response | None:
    if request.content_encoding == "gzip" and service != "s3":
        # moto decompresses later, when the body has already been read here.
        request.stream = cast(IO[bytes], gzip.GzipFile(fileobj=request.stream))
        del request.environ["HTTP_CONTENT_ENCODING"]
    call = g.call = _identify(service) if service else None
    try:
        if call is None:
            if not request.path.startswith(_SECRET_PATH):
                callers.find("json")
            return None
        call.caller, call.region = callers.find(call.protocol, call.operation)
        call.account = accounts.current()
        _read_parameters(call)
        for check in _checks:
            check(call)
    except RefusedError as refusal:
        return _refuse(refusal)
    return None


def _report_call(response: Response) -> Response:
    call = current()
    if call:
        try:
            for check in _answer_checks:
                check(call)
        except RefusedError as refusal:
            response = _refuse(refusal)
        code = errors.read_code(response) if response.status_code >= 400 else ""
        for report in _reports:
            report(call, response.status_code, code)
    return response


def _identify(service: str) -> Call | None:
    """The call, before its signer is known; None for an operation that no model has."""
    received: Any = request
    try:
        protocol = determine_request_protocol(get_service_model(service), request.content_type)
        operation, path_values = get_service_router(service).match(received)
    except (NoSuchOperation, NotImplementedError):
        return None
    return Call(service, operation, protocol, "", callers.ANONYMOUS, path_values, accounts.DEFAULT)


def _read_parameters(call: Call) -> None:
    wire = {
        "method": request.method,
        "values": request.values,
        "headers": request.headers,
        "body": storage.read_body(request) if call.service == "s3" else request.data,
        "url_path": request.path,
        "url_params": call.parameters,
    }
    try:
        parsed = {} if call.protocol == "json" else PROTOCOL_PARSERS[call.protocol](call.operation).parse(wire)
        if call.protocol in ("json", "rest-json") and "payload" not in _serialization(call.operation):
            parsed = {**parsed, **json.loads(request.data or b"{}")}
    except (ValueError, TypeError, AttributeError, RequestParserError) as error:
        raise RefusedError("SerializationException", f"The request cannot be read: {error}") from error
    call.parameters = parsed


def _serialization(operation: Any) -> dict[str, Any]:
    return operation.input_shape.serialization if operation.input_shape else {}


def _refuse_unserved(error: Exception) -> Response:
    call = current()
    action = call.action if call else f"{request.method} {request.path}"
    return _refuse(RefusedError("NotImplemented", f"local/ does not serve {action}: {error}", 501))


def _report_internal_error(error: Exception) -> Response | HTTPException:
    if isinstance(error, HTTPException):
        return error
    print_line("".join(traceback.format_exception(error)))
    return _refuse(RefusedError("InternalFailure", f"local/ failed: {type(error).__name__}: {error}", 500))


def _refuse(error: RefusedError) -> Response:
    call = current()
    if call is None:
        return errors.plain_response(error)
    return errors.response(error, call.service, call.operation, call.protocol)


def botocore_name(moto_service: str) -> str | None:
    """botocore's name of the service in one of moto's packages; None when it is not an AWS service."""
    return _botocore_names().get(moto_service.removeprefix("aws"))


@cache
def _botocore_names() -> dict[str, str]:
    return {name.replace("-", ""): name for name in Session().get_available_services()}
