"""Asynchronous inference: queues requests that are in S3, and writes the answers to S3 and SNS."""

import json
import threading
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from local import clients, config
from local.messaging import senders
from local.sagemaker.container_client import Answer, InvocationError
from local.sagemaker.endpoint import Endpoint
from local.sagemaker.invocation_metrics import Invocation
from local.sagemaker.model_server import ModelServer
from local.sagemaker.objects import ObjectError, Objects
from local.sagemaker.resources import Json

_METRIC_SECONDS = 60
_CAPACITY_POLL_SECONDS = 0.1


class RequestFailedError(Exception):
    """The request cannot be answered."""


class AsynchronousRequest:
    """One request of InvokeEndpointAsync.

    Parameters
    ----------
    endpoint
        The asynchronous endpoint.
    region
        The endpoint's region.
    headers
        The headers for the container.
    options
        InputLocation, InferenceId, RequestTTLSeconds and InvocationTimeoutSeconds.
    """

    def __init__(self, endpoint: Endpoint, region: str, headers: dict[str, str], options: Json) -> None:
        assert endpoint.queue is not None
        self._endpoint, self._region, self._headers, self._options = endpoint, region, headers, options
        self._queue = endpoint.queue
        self._config: Json = self._queue.config["OutputConfig"]
        self._received = time.time()
        self.inference_id: str = options.get("InferenceId") or str(uuid.uuid4())
        key = str(uuid.uuid4())
        self.output_location = f"{self._config['S3OutputPath'].rstrip('/')}/{key}.out"
        failures = self._config.get("S3FailurePath")
        self.failure_location = f"{failures.rstrip('/')}/{key}-error.out" if failures else None

    def start(self) -> None:
        """Queue the request and answer it, in the background."""
        threading.Thread(target=self._run, name=f"inference {self.inference_id}", daemon=True).start()

    def _run(self) -> None:
        with self._queue.turns:
            server = self._wait_for_server()
            if not server:
                return  # the endpoint was deleted
            try:
                self._answer(server)
            finally:
                server.leave()

    def _wait_for_server(self) -> ModelServer | None:
        """Wait until the endpoint has an instance; report the waiting request once in each minute.

        https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html
        """
        has_waited, reported = False, 0.0
        while True:
            serves, server = self._endpoint.choose(None)
            if not serves or server:
                break
            if time.monotonic() - reported >= config.scale_seconds(_METRIC_SECONDS):
                has_waited, reported = True, time.monotonic()
                self._report_backlog(1)
            time.sleep(_CAPACITY_POLL_SECONDS)
        if has_waited:
            self._report_backlog(0)
        return server

    def _report_backlog(self, value: int) -> None:
        clients.client("cloudwatch", self._region).put_metric_data(
            Namespace="AWS/SageMaker",
            MetricData=[
                {
                    "MetricName": "HasBacklogWithoutCapacity",
                    "Dimensions": [{"Name": "EndpointName", "Value": self._endpoint.name}],
                    "Value": value,
                }
            ],
        )

    def _answer(self, server: ModelServer) -> None:
        objects = Objects(self._region, server.role, self._config.get("KmsKeyId"))
        try:
            answer = self._invoke(server, objects)
            content_type = answer.headers.get("Content-Type", "application/octet-stream")
            objects.store(answer.body, self.output_location, ContentType=content_type)
        except (RequestFailedError, InvocationError, ObjectError) as error:
            if self.failure_location:
                with suppress(ObjectError):  # if the role may not write, only the topic gets the reason
                    objects.store(str(error).encode(), self.failure_location)
            self._publish("ErrorTopic", server, {"invocationStatus": "Failed", "failureReason": str(error)})
        else:
            response = {"contentType": content_type, "outputLocation": self.output_location}
            self._publish("SuccessTopic", server, {"invocationStatus": "Completed", "responseParameters": response})

    def _invoke(self, server: ModelServer, objects: Objects) -> Answer:
        if time.time() - self._received > self._options["RequestTTLSeconds"]:
            raise RequestFailedError("The request has waited longer than RequestTTLSeconds.")
        body = objects.read(self._options["InputLocation"])
        invocation = Invocation(
            self._region, EndpointName=self._endpoint.name, VariantName=server.variant["VariantName"]
        )
        try:
            answer = server.invoke(self._headers, body, self._options["InvocationTimeoutSeconds"])
        except InvocationError as error:
            invocation.end(error.status)
            raise
        invocation.end()
        return answer

    def _publish(self, topic: str, server: ModelServer, result: Json) -> None:
        arn = (self._config.get("NotificationConfig") or {}).get(topic)
        if not arn:
            return
        parameters = {"endpointName": self._endpoint.name, "inputLocation": self._options["InputLocation"]}
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
        with suppress(ClientError):  # the audit shows if the role may not publish
            senders.publish(arn, json.dumps(message), role_arn=server.role)


def _write_time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
