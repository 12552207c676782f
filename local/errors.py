"""Writes error answers in each wire protocol, and reads their codes."""

import json
import re
import warnings
from typing import Any

from flask import Response
from moto.core.serialize import get_serializer_class

MOTO_NAMES = ("moto.core.serialize.get_serializer_class",)


class RefusedError(Exception):
    """A call is refused with this error code, message and HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def response(error: RefusedError, service: str, operation: Any, protocol: str) -> Response:
    """The answer to a refused call, in the call's protocol."""
    with warnings.catch_warnings():
        # moto warns about codes that are not in the service's model; AWS's common errors are in no model.
        warnings.simplefilter("ignore")
        body = get_serializer_class(service, protocol)(operation_model=operation).serialize(error)
    answer = Response(body["body"], error.status, body["headers"])
    answer.headers["x-amzn-errortype"] = error.code
    return answer


def plain_response(error: RefusedError) -> Response:
    """The answer to a request that is not a known call."""
    body = json.dumps({"__type": error.code, "message": error.message})
    return Response(body, error.status, {"x-amzn-errortype": error.code}, mimetype="application/json")


def read_code(answer: Response) -> str:
    """The error code of a failed answer in any protocol; the HTTP status if it has no code."""
    named = answer.headers.get("x-amzn-errortype")
    if not named:
        found = re.search(rb'<Code>([^<]+)|"__type": *"([^"]+)', answer.get_data())
        named = (found[1] or found[2]).decode() if found else str(answer.status_code)
    return named.split("#")[-1].split(":")[0]
