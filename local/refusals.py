"""Errors that the engine itself answers, in the shape that each wire protocol gives them, and reading such errors."""

import json
import re
import warnings
from typing import Any

from flask import Response
from moto.core.serialize import get_serializer_class

MOTO_NAMES = ("moto.core.serialize.get_serializer_class",)


class RefusedError(Exception):
    """The engine refuses a call, as AWS would with this error code, message and HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def response(error: RefusedError, service: str, operation: Any, protocol: str) -> Response:
    """The answer to a call, in its own protocol, that was refused."""
    with warnings.catch_warnings():
        # moto warns of every code that the service's model does not list; the common errors of AWS are in none.
        warnings.simplefilter("ignore")
        body = get_serializer_class(service, protocol)(operation_model=operation).serialize(error)
    answer = Response(body["body"], error.status, body["headers"])
    answer.headers["x-amzn-errortype"] = error.code
    return answer


def plain_response(error: RefusedError) -> Response:
    """The answer to a request that is no call that the engine knows."""
    body = json.dumps({"__type": error.code, "message": error.message})
    return Response(body, error.status, {"x-amzn-errortype": error.code}, mimetype="application/json")


def code_of(answer: Response) -> str:
    """The error code of a failed answer, whichever protocol it is in; the HTTP status where it says none."""
    named = answer.headers.get("x-amzn-errortype")
    if not named:
        found = re.search(rb'<Code>([^<]+)|"__type": *"([^"]+)', answer.get_data())
        named = (found[1] or found[2]).decode() if found else str(answer.status_code)
    return named.split("#")[-1].split(":")[0]
