"""Sends a request to the endpoint, by the name of its inference component if it has one, and waits for a first copy."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from botocore.exceptions import ClientError

from sagebuild.client.descriptions import suggest
from sagebuild.errors import EndpointError
from sagebuild.names import name_endpoint
from sagebuild.running.endpoint import Endpoint, describe_endpoint
from sagebuild.service import Service

# https://github.com/huggingface/skills/pull/215 measured nine minutes and a half until a small model answered.
WAIT_SECONDS = 1200.0
_POLL_SECONDS = 15.0
# A request without the name of the component fails, so the name is kept for the next one.
_components: WeakKeyDictionary[Service, str] = WeakKeyDictionary()


class _NoCopyError(EndpointError):
    """The inference component has no copy that could answer."""


def invoke(
    service: Service,
    call: Callable[..., Any],
    request: dict[str, Any],
    *,
    wait: bool = False,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Any:
    """Return the answer of a call of SageMaker's runtime.

    Parameters
    ----------
    call, request
        InvokeEndpoint or InvokeEndpointWithResponseStream, and its members without the names.
    wait
        Whether to repeat the request until a copy of the model has started, for 20 minutes at most. Standard error then
        says so.

    Raises
    ------
    EndpointError
        There is no endpoint, it is not in service, the model failed, or no copy has started.
    """
    began = clock()
    while True:
        try:
            return _invoke_once(service, call, {"EndpointName": name_endpoint(service)} | request)
        except _NoCopyError:
            waited = clock() - began
            if not wait or waited >= WAIT_SECONDS:
                raise
            print(
                f"The endpoint {name_endpoint(service)} has no copy of its model yet; waited {waited:.0f} s of at most "
                f"{WAIT_SECONDS:.0f} s.",
                file=sys.stderr,
            )
        sleep(_POLL_SECONDS)


def _invoke_once(service: Service, call: Callable[..., Any], request: dict[str, Any], *, is_last: bool = False) -> Any:
    component = _components.get(service)
    try:
        return call(**request, **({"InferenceComponentName": component} if component else {}))
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"ValidationError", "ValidationException"}:
            raise _translate(service, error) from error
        endpoint = describe_endpoint(service)
        found = endpoint.component if endpoint else None
        is_known = (found.name if found else None) == component
        # A copy may have started since the request, which is then repeated once.
        if is_known and (is_last or not found or not found.copies):
            raise _explain(service, error, endpoint) from error
    if found:
        _components[service] = found.name
    else:
        del _components[service]
    return _invoke_once(service, call, request, is_last=is_known)


def _translate(service: Service, error: ClientError) -> Exception:
    if error.response["Error"]["Code"] == "ModelError":
        message = error.response["Error"].get("Message", "")
        return EndpointError(f"The model of the endpoint {name_endpoint(service)} failed: {message}")
    return error


def _explain(service: Service, error: ClientError, endpoint: Endpoint | None) -> EndpointError:
    """Return the error to raise for a request that SageMaker refused."""
    name = name_endpoint(service)
    if endpoint is None:
        return EndpointError(
            f"There is no endpoint {name} yet; the first successful build creates it: "
            f"{suggest(service, 'start --watch')}."
        )
    if endpoint.instances and not endpoint.serves:
        return EndpointError(f"The endpoint {name} is {endpoint}. {suggest(service, 'start --watch')} replaces it.")
    if (component := endpoint.component) and not component.copies:
        return _NoCopyError(
            f"The endpoint {name} has no copy of its model at present ({component.wanted} requested). If it scales to "
            "zero, a request starts one, which takes about ten minutes; try again then, or pass --wait (in Python, "
            "wait=True), which waits for 20 minutes at most."
        )
    if endpoint.status != "InService" and not endpoint.component:
        return EndpointError(f"The endpoint {name} is {endpoint.status}; try again when it is InService.")
    return EndpointError(f"The endpoint {name} rejected the request: {error.response['Error'].get('Message', '')}")
