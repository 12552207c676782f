"""Asynchronous inference: requests that lie in S3, wait for their turn, and are answered there and by SNS."""

import json
import threading
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from local import clients
from local.sagemaker.endpoint import Endpoint
from local.sagemaker.model_server import ModelServer
from local.sagemaker.objects import ObjectError, Objects
from local.sagemaker.resources import Json
from local.sagemaker.served_container import Answer, InvocationError


class RequestFailedError(Exception):
    """A request that waited cannot be answered."""


class AsynchronousRequest:
    """One request of InvokeEndpointAsync.

    Parameters
    ----------
    endpoint
        The endpoint, which is asynchronous.
    region
        Its region.
    headers
        What the container is to be told.
    asked
        InputLocation, InferenceId, RequestTTLSeconds and InvocationTimeoutSeconds.
    """

    def __init__(self, endpoint: Endpoint, region: str, headers: dict[str, str], asked: Json) -> None:
        assert endpoint.queue is not None
        self._endpoint, self._region, self._headers, self._asked = endpoint, region, headers, asked
        self._queue = endpoint.queue
        self._config: Json = self._queue.config["OutputConfig"]
        self._received = time.time()
        self.inference_id: str = asked.get("InferenceId") or str(uuid.uuid4())
        key = str(uuid.uuid4())
        self.output_location = f"{self._config['S3OutputPath'].rstrip('/')}/{key}.out"
        failures = self._config.get("S3FailurePath")
        self.failure_location = f"{failures.rstrip('/')}/{key}-error.out" if failures else None

    def start(self) -> None:
        """Wait for the request's turn and answer it, in the background."""
        threading.Thread(target=self._live, name=f"inference {self.inference_id}", daemon=True).start()

    def _live(self) -> None:
        with self._queue.turns:
            serves, server = self._endpoint.choose(None)
            if not serves or not server:
                return  # with the endpoint, what waits for it has gone
            try:
                self._answer(server)
            finally:
                server.leave()

    def _answer(self, server: ModelServer) -> None:
        objects = Objects(self._region, server.role)
        try:
            answer = self._ask(server, objects)
            content_type = answer.headers.get("Content-Type", "application/octet-stream")
            objects.store(answer.body, self.output_location, ContentType=content_type)
        except (RequestFailedError, InvocationError, ObjectError) as error:
            if self.failure_location:
                with suppress(ObjectError):  # without a right to write, the topic alone can tell
                    objects.store(str(error).encode(), self.failure_location)
            self._publish("ErrorTopic", server, {"invocationStatus": "Failed", "failureReason": str(error)})
        else:
            told = {"contentType": content_type, "outputLocation": self.output_location}
            self._publish("SuccessTopic", server, {"invocationStatus": "Completed", "responseParameters": told})

    def _ask(self, server: ModelServer, objects: Objects) -> Answer:
        if time.time() - self._received > self._asked["RequestTTLSeconds"]:
            raise RequestFailedError("The request has waited longer than RequestTTLSeconds.")
        body = objects.read(self._asked["InputLocation"])
        return server.invoke(self._headers, body, self._asked["InvocationTimeoutSeconds"])

    def _publish(self, topic: str, server: ModelServer, result: Json) -> None:
        arn = (self._config.get("NotificationConfig") or {}).get(topic)
        if not arn:
            return
        parameters = {"endpointName": self._endpoint.name, "inputLocation": self._asked["InputLocation"]}
        message = {
            "awsRegion": self._region,
            "eventTime": _write_time(time.time()),
            "receivedTime": _write_time(self._received),
            "requestParameters": parameters,
            "inferenceId": self.inference_id,
            "eventVersion": "1.0",
            "eventSource": "aws:sagemaker",
            "eventName": "InferenceResult",
            **result,
        }
        sns: Any = clients.client("sns", arn.split(":")[3], server.role)
        with suppress(ClientError):  # the audit tells of a role that may not publish
            sns.publish(TopicArn=arn, Message=json.dumps(message))


def _write_time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
