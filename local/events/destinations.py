"""Connections and API destinations: delivers events to addresses on the web, by real HTTP requests.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html
"""

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from moto.events import models
from moto.events.exceptions import ValidationException

from local.messaging.delivery import TargetError

_TIMEOUT_SECONDS = 5
# The same page has these, and all from 500 on; other errors are final.
_RETRIED = (401, 407, 409, 429)
_AUTHORIZATIONS = ("API_KEY", "BASIC")


@dataclass(frozen=True)
class _Header:
    name: str
    value: str


class Connection(models.Connection):  # type: ignore[misc]
    """moto's connection, which does not show its secrets."""

    __module__ = models.Connection.__module__

    def describe(self) -> dict[str, Any]:
        """The answer of DescribeConnection."""
        shown = {"ApiKeyAuthParameters": ("ApiKeyName",), "BasicAuthParameters": ("Username",)}
        parameters = {
            name: {key: value[key] for key in shown[name]} if name in shown else _hide(value)
            for name, value in self.auth_parameters.items()
        }
        described: dict[str, Any] = super().describe() | {"AuthParameters": parameters}
        return described


def _hide(parameters: dict[str, Any]) -> dict[str, Any]:
    """Additional parameters without the values that are secret."""
    return {
        name: [{**each, "Value": None} if each.get("IsValueSecret") else each for each in values]
        for name, values in parameters.items()
    }


def check_connection(authorization: str, parameters: dict[str, Any]) -> None:
    """Refuse a connection that this engine does not serve.

    Raises
    ------
    ValidationException
        With the type of authorization.
    """
    if authorization not in _AUTHORIZATIONS:
        raise ValidationException(f"local/ serves connections of type {' and '.join(_AUTHORIZATIONS)}")
    needed = {"API_KEY": "ApiKeyAuthParameters", "BASIC": "BasicAuthParameters"}[authorization]
    if needed not in parameters:
        raise ValidationException(f"Parameter AuthParameters must have {needed} for {authorization}.")


def check_endpoint(endpoint: str) -> None:
    """Refuse an address without TLS, except one of this machine.

    Raises
    ------
    ValidationException
        When EventBridge would refuse it.
    """
    address = urlsplit(endpoint)
    if address.scheme != "https" and address.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise ValidationException("Parameter InvocationEndpoint must be an HTTPS address.")


def send(destination: models.Destination, connection: models.Connection, target: dict[str, Any], body: str) -> None:
    """Send one request to an API destination.

    Parameters
    ----------
    target
        The target of the rule, with its HttpParameters.
    body
        The target's input.

    Raises
    ------
    TargetError
        When the request must be repeated, or failed for good.
    """
    request = _build_request(destination, connection, target.get("HttpParameters", {}), body)
    try:
        with build_opener(_NoRedirects).open(request, timeout=_TIMEOUT_SECONDS) as answer:
            answer.read()
    except HTTPError as error:
        status = error.code
        code = "THROTTLING" if status == 429 else "ERROR_FROM_TARGET"
        raise TargetError(code, f"{status} {error.reason}", final=status < 500 and status not in _RETRIED) from error
    except (URLError, TimeoutError, OSError) as error:
        raise TargetError("CONNECTION_FAILURE", str(error), final=False) from error


class _NoRedirects(HTTPRedirectHandler):
    """EventBridge follows no redirects."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


def _build_request(
    destination: models.Destination, connection: models.Connection, parameters: dict[str, Any], body: str
) -> Request:
    more = connection.auth_parameters.get("InvocationHttpParameters", {})
    url = destination.invocation_endpoint
    for value in parameters.get("PathParameterValues", []):
        url = url.replace("*", quote(value, safe=""), 1)
    query = dict(parameters.get("QueryStringParameters", {})) | _pairs(more, "QueryStringParameters")
    if query:
        url += ("&" if urlsplit(url).query else "?") + urlencode(query)
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Amazon/EventBridge/ApiDestinations"}
    headers |= dict(parameters.get("HeaderParameters", {})) | _pairs(more, "HeaderParameters")
    authorization = _authorize(connection)
    if fields := _pairs(more, "BodyParameters"):
        body = json.dumps(json.loads(body) | fields)
    all_headers = headers | {authorization.name: authorization.value}
    return Request(url, body.encode(), all_headers, method=destination.http_method)


def _authorize(connection: models.Connection) -> _Header:
    if connection.authorization_type == "API_KEY":
        given = connection.auth_parameters["ApiKeyAuthParameters"]
        return _Header(given["ApiKeyName"], given["ApiKeyValue"])
    given = connection.auth_parameters["BasicAuthParameters"]
    pair = base64.b64encode(f"{given['Username']}:{given['Password']}".encode()).decode()
    return _Header("Authorization", f"Basic {pair}")


def _pairs(more: dict[str, Any], kind: str) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in more.get(kind, [])}
