"""Every AWS call on its way through the engine: who makes it, which action, with what; checks may refuse it."""

import gzip
import json
import re
import sys
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
from moto.sts.models import sts_backends
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from local import config, refusals
from local.refusals import RefusedError

MOTO_NAMES = (
    "moto.core.parse.PROTOCOL_PARSERS",
    "moto.core.parse.RequestParserError",
    "moto.core.request.determine_request_protocol",
    "moto.core.routing.NotFound",
    "moto.core.routing.get_service_router",
    "moto.core.utils.get_service_model",
    "moto.sts.models.STSBackend.get_assumed_role_from_access_key",
    "moto.sts.models.sts_backends",
)

# IAM's prefix of an action is the name that the service signs with, but for these.
_IAM_PREFIXES = {"monitoring": "cloudwatch", "email": "ses", "tagging": "tag"}
_CREDENTIAL = re.compile(r"Credential=(?P<key>[^/,\s]+)/\d+/(?P<region>[^/]+)/")


@dataclass(frozen=True)
class Caller:
    """Who signed a call: a session of a role, or anybody else, who is taken for the account's owner."""

    role_arn: str | None = None
    session: str = ""

    @property
    def name(self) -> str:
        """The role's name, or "owner"."""
        return self.role_arn.rsplit("/", 1)[-1] if self.role_arn else "owner"


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
        The wire protocol of this request: json, query, rest-json, rest-xml or ec2.
    region
        The region that the caller signed for.
    caller
        Who signed it.
    parameters
        The input members by name; JSON values as they were sent.
    """

    service: str
    operation: Any
    protocol: str
    region: str
    caller: Caller
    parameters: dict[str, Any]
    started: float = field(default_factory=time.monotonic)

    @cached_property
    def action(self) -> str:
        """The API action as a person knows it, e.g. ``sagemaker:CreateEndpoint``."""
        return f"{self.prefix}:{self.operation.name}"

    @property
    def prefix(self) -> str:
        """The service's prefix in IAM policies."""
        name = str(self.operation.service_model.signing_name)
        return _IAM_PREFIXES.get(name, name)


_checks: list[Callable[[Call], None]] = []
_answer_checks: list[Callable[[Call], None]] = []
_reports: list[Callable[[Call, int, str], None]] = []


def before(check: Callable[[Call], None]) -> None:
    """Have every call checked before it is served; a check refuses it with RefusedError."""
    _checks.append(check)


def on_answer(check: Callable[[Call], None]) -> None:
    """Have every served call checked before it is answered; a check takes its answer away with RefusedError."""
    _answer_checks.append(check)


def after(report: Callable[[Call, int, str], None]) -> None:
    """Have every answered call reported, with its HTTP status and its error code ("" when it went well)."""
    _reports.append(report)


def current() -> Call | None:
    """The call that this thread is serving."""
    return g.get("call") if has_request_context() else None


def watch(app: Flask, moto_service: str) -> None:
    """Let the checks and reports see every call that arrives at one service's application."""
    service = _botocore_name(moto_service)
    if service is None:
        return
    app.before_request(lambda: _arrive(service))
    app.after_request(_leave)
    app.register_error_handler(RefusedError, _refuse)
    app.register_error_handler(NotFound, _unserved)
    app.register_error_handler(MethodNotAllowed, _unserved)
    app.register_error_handler(NotImplementedError, _unserved)
    app.register_error_handler(Exception, _broken)


def _arrive(service: str) -> Response | None:
    if request.content_encoding == "gzip" and service != "s3":
        # Here and not later in moto, which would find the body read already.
        request.stream = cast(IO[bytes], gzip.GzipFile(fileobj=request.stream))
        del request.environ["HTTP_CONTENT_ENCODING"]
    call = g.call = _identify(service)
    if call is None:
        return None
    try:
        _read_parameters(call)
        for check in _checks:
            check(call)
    except RefusedError as refusal:
        return _refuse(refusal)
    return None


def _leave(response: Response) -> Response:
    call = current()
    if call:
        try:
            for check in _answer_checks:
                check(call)
        except RefusedError as refusal:
            response = _refuse(refusal)
        code = refusals.code_of(response) if response.status_code >= 400 else ""
        for report in _reports:
            report(call, response.status_code, code)
    return response


def _identify(service: str) -> Call | None:
    received: Any = request
    try:
        protocol = determine_request_protocol(get_service_model(service), request.content_type)
        operation, path_values = get_service_router(service).match(received)
    except (NoSuchOperation, NotImplementedError):
        return None
    caller, region = _signer()
    return Call(service, operation, protocol, region, caller, path_values)


def _read_parameters(call: Call) -> None:
    wire = {
        "method": request.method,
        "values": request.values,
        "headers": request.headers,
        "body": request.data,
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


def _signer() -> tuple[Caller, str]:
    signed = request.headers.get("Authorization", "")
    match = _CREDENTIAL.search(signed or f"Credential={request.args.get('X-Amz-Credential', '')}")
    if match is None:
        return Caller(), config.current().region
    return _role_of(match["key"]) or Caller(), match["region"]


_sessions: dict[str, Caller] = {}


def _role_of(access_key: str) -> Caller | None:
    if access_key not in _sessions:
        session = sts_backends[config.ACCOUNT]["aws"].get_assumed_role_from_access_key(access_key)
        if session is None:
            return None
        _sessions[access_key] = Caller(session.role_arn, session.session_name)
    return _sessions[access_key]


def _unserved(error: Exception) -> Response:
    call = current()
    what = call.action if call else f"{request.method} {request.path}"
    return _refuse(RefusedError("NotImplemented", f"local/ does not serve {what}: {error}", 501))


def _broken(error: Exception) -> Response | HTTPException:
    if isinstance(error, HTTPException):
        return error
    traceback.print_exception(error, file=sys.stderr)
    return _refuse(RefusedError("InternalFailure", f"local/ failed: {type(error).__name__}: {error}", 500))


def _refuse(error: RefusedError) -> Response:
    call = current()
    if call is None:
        return refusals.plain_response(error)
    return refusals.response(error, call.service, call.operation, call.protocol)


@cache
def _botocore_name(moto_service: str) -> str | None:
    """botocore's name of a service that moto keeps in this package; None for what is no AWS service."""
    name = moto_service.removeprefix("aws")
    return next((known for known in Session().get_available_services() if known.replace("-", "") == name), None)
