"""Asynchronous invocations (type Event): queued, retried, and reported to destinations and dead-letter queues."""

import json
import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from moto.awslambda.exceptions import UnknownFunctionException

from local import clients, config
from local.functions.pool import TooManyRequestsError
from local.functions.sandbox import Outcome, Request
from local.messaging import senders
from local.messaging.background import Background
from local.messaging.delivery import Delivery

_RETRY_SECONDS = (60.0, 120.0)
_MAX_AGE_SECONDS = 21_600.0
_THROTTLE_PAUSE_SECONDS = 1.0
_logger = logging.getLogger(__name__)
_events = Background("lambda-events", workers=16)


class Runner(Protocol):
    """Finds and runs the functions of a region."""

    def get_function(self, function_name: str, qualifier: str | None) -> Any:
        """The function with this name."""

    def event_invoke_settings(self, function: Any) -> dict[str, Any]:
        """The settings of a function's asynchronous invocations."""

    def run(self, name: str, qualifier: str | None, request: Request) -> Outcome:
        """Run a function to the end of one invocation."""


@dataclass
class EventInvocation:
    """One event for one function.

    Parameters
    ----------
    runner
        Finds and runs the function.
    name, qualifier
        The function, as the caller named it.
    request
        The invocation.
    """

    runner: Runner
    name: str
    qualifier: str | None
    request: Request
    _tries: int = 0
    _queued_at: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        """Queue the invocation."""
        _events.run(self._try)

    def _try(self) -> None:
        try:
            function = self.runner.get_function(self.name, self.qualifier)
            settings = self.runner.event_invoke_settings(function)
            outcome = self.runner.run(self.name, self.qualifier, self.request)
        except UnknownFunctionException:
            _logger.warning("%s does not exist; its event %s is dropped", self.name, self.request.id)
            return
        except TooManyRequestsError:
            # A throttled event is retried without limit; only failures of the function count as retries.
            _events.run(self._try, after=config.scale_seconds(_THROTTLE_PAUSE_SECONDS))
            return
        self._tries += 1
        retries = settings.get("MaximumRetryAttempts", len(_RETRY_SECONDS))
        if outcome.failed and self._tries <= retries and self._age < self._max_age(settings):
            _events.run(self._try, after=config.scale_seconds(_RETRY_SECONDS[self._tries - 1]))
            return
        self._report(function, settings, outcome, exhausted=self._tries > retries)

    @property
    def _age(self) -> float:
        return (time.monotonic() - self._queued_at) * config.current().time_scale

    @staticmethod
    def _max_age(settings: dict[str, Any]) -> float:
        return float(settings.get("MaximumEventAgeInSeconds", _MAX_AGE_SECONDS))

    def _report(self, function: Any, settings: dict[str, Any], outcome: Outcome, *, exhausted: bool) -> None:
        kind = "OnFailure" if outcome.failed else "OnSuccess"
        destination = settings.get("DestinationConfig", {}).get(kind, {}).get("Destination")
        condition = "Success" if not outcome.failed else "RetriesExhausted" if exhausted else "EventAgeExceeded"
        if destination:
            record = self._record(function, outcome, condition)
            self._deliver(destination, lambda: _send_record(destination, record, function.role))
        dead_letters = function.dead_letter_config.get("TargetArn")
        if outcome.failed and dead_letters:
            self._deliver(dead_letters, lambda: self._send_dead_letter(dead_letters, outcome, function.role))
        elif outcome.failed and not destination:
            _logger.warning("%s failed %d times; its event is dropped: %r", self.name, self._tries, outcome.payload)

    def _deliver(self, receiver: str, send: Any) -> None:
        Delivery(f"the outcome of {self.request.id} of {self.name} to {receiver}", send).start()

    def _record(self, function: Any, outcome: Outcome, condition: str) -> dict[str, Any]:
        error = {"functionError": "Unhandled"} if outcome.failed else {}
        version = outcome.version
        return {
            "version": "1.0",
            "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
            "requestContext": {
                "requestId": self.request.id,
                "functionArn": function.function_arn.removesuffix(f":{version}") + f":{version}",
                "condition": condition,
                "approximateInvokeCount": self._tries,
            },
            "requestPayload": json.loads(self.request.payload),
            "responseContext": {"statusCode": 200, "executedVersion": version} | error,
            "responsePayload": json.loads(outcome.payload or b"null"),
        }

    def _send_dead_letter(self, arn: str, outcome: Outcome, role_arn: str) -> None:
        body = self.request.payload.decode()
        if ":sns:" in arn:
            return senders.publish(arn, body, role_arn=role_arn)
        message = str(json.loads(outcome.payload).get("errorMessage", ""))[:1024]
        attributes = {"RequestID": self.request.id, "ErrorCode": "200", "ErrorMessage": message or "-"}
        return senders.send_to_queue(arn, body, attributes, role_arn=role_arn)


def _send_record(arn: str, record: dict[str, Any], role_arn: str) -> None:
    body = json.dumps(record)
    match arn.split(":")[2]:
        case "sqs":
            senders.send_to_queue(arn, body, role_arn=role_arn)
        case "sns":
            senders.publish(arn, body, role_arn=role_arn)
        case "lambda":
            senders.invoke(arn, body, role_arn=role_arn)
        case _:
            _put_event(arn, record, role_arn)


def _put_event(bus_arn: str, record: dict[str, Any], role_arn: str) -> None:
    result = "Success" if record["requestContext"]["condition"] == "Success" else "Failure"
    clients.client("events", senders.region_of(bus_arn), role_arn).put_events(
        Entries=[
            {
                "Source": "lambda",
                "DetailType": f"Lambda Function Invocation Result - {result}",
                "Detail": json.dumps(record),
                "Resources": [bus_arn, record["requestContext"]["functionArn"]],
                "EventBusName": bus_arn,
            }
        ]
    )
