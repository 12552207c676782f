"""Custom resources: a function or topic creates them and responds over HTTP."""

import json
import queue
import time
import uuid
from typing import Any

from local import config
from local.cloudformation.errors import CancelledError, ResourceError
from local.cloudformation.providers.base import Attributes, Provider, Task, random_suffix
from local.cloudformation.schemas import text

DEFAULT_TIMEOUT_SECONDS = 3600
_CANCEL_POLL_SECONDS = 0.2

_answers: dict[str, "queue.SimpleQueue[dict[str, Any]]"] = {}


def receive(token: str, body: bytes) -> bool:
    """Receive the body of a PUT to a ResponseURL; False when no request waits for it."""
    waiting = _answers.get(token)
    if waiting:
        waiting.put(json.loads(body))
    return waiting is not None


def _create(task: Task) -> Attributes:
    return _attributes(task, _request(task, "Create"))


def _update(task: Task) -> Attributes:
    if task.changed("ServiceToken"):
        raise ResourceError("Modifying service token is not allowed.")
    return _attributes(task, _request(task, "Update", OldResourceProperties=_as_texts(task.before)))


def _delete(task: Task) -> None:
    _request(task, "Delete")


def _attributes(task: Task, answer: dict[str, Any]) -> Attributes:
    return {**(answer.get("Data") or {}), "Ref": answer.get("PhysicalResourceId") or task.physical_id}


def _request(task: Task, request_type: str, **more: Any) -> dict[str, Any]:
    token = uuid.uuid4().hex
    _answers[token] = queue.SimpleQueue()
    try:
        request_id = _send(task, request_type, token, more)
        if request_type == "Create":
            # The function may have created something even if it fails, so the rollback must send a Delete.
            task.physical_id = f"{task.stack_id.split('/')[1]}-{task.logical_id}-{random_suffix()}"
        answer = _wait(task, token, request_id)
    finally:
        del _answers[token]
    if request_type == "Create":
        task.physical_id = answer.get("PhysicalResourceId") or task.physical_id
    if answer.get("Status") != "SUCCESS":
        raise ResourceError(
            f"Received response status [{answer.get('Status')}] from custom resource. "
            f"Message returned: {answer.get('Reason')} (RequestId: {request_id})"
        )
    if not answer.get("PhysicalResourceId") and request_type == "Create":
        raise ResourceError("Invalid PhysicalResourceId")
    return answer


def _send(task: Task, request_type: str, token: str, more: dict[str, Any]) -> str:
    service_token = task["ServiceToken"]
    request = {
        "RequestType": request_type,
        "ServiceToken": service_token,
        "ResponseURL": f"{config.current().endpoint_url}/cloudformation_{task.region}/response/{token}",
        "StackId": task.stack_id,
        "RequestId": str(uuid.uuid4()),
        "LogicalResourceId": task.logical_id,
        "ResourceType": task.type,
        "ResourceProperties": _as_texts(task.properties),
        **({"PhysicalResourceId": task.physical_id} if request_type != "Create" else {}),
        **more,
    }
    service = service_token.split(":")[2] if service_token.count(":") >= 5 else ""
    if service == "lambda":
        function = task.client("lambda")
        function.invoke(FunctionName=service_token, InvocationType="Event", Payload=json.dumps(request))
    elif service == "sns":
        message = json.dumps({**request, "TopicArn": service_token})
        subject = "AWS CloudFormation custom resource request"
        task.client("sns").publish(TopicArn=service_token, Subject=subject, Message=message)
    else:
        raise ResourceError(f"Invalid service token: {service_token}")
    return str(request["RequestId"])


def _wait(task: Task, token: str, request_id: str) -> dict[str, Any]:
    # Not scaled: the function runs in real time.
    deadline = time.monotonic() + int(task.get("ServiceTimeout", DEFAULT_TIMEOUT_SECONDS))
    while time.monotonic() < deadline:
        try:
            return _answers[token].get(timeout=_CANCEL_POLL_SECONDS)
        except queue.Empty:
            if task.cancelled.is_set():
                raise CancelledError("Resource creation cancelled") from None
    raise ResourceError(
        "CloudFormation did not receive a response from your Custom Resource. "
        f"Please check your logs for requestId [{request_id}]."
    )


def _as_texts(value: Any) -> Any:
    """The properties with every scalar as a string, as AWS sends them to functions."""
    if isinstance(value, dict):
        return {key: _as_texts(item) for key, item in value.items()}
    return [_as_texts(item) for item in value] if isinstance(value, list) else text(value)


PROVIDER = Provider("", "", _create, _delete, update=_update)
