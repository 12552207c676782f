"""Delivers events to the targets of rules."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from moto.events import models

from local import accounts, audit, clients, config
from local.audit import cross_account
from local.audit.permissions import Permission
from local.events import destinations
from local.events.bus import dispatch_to
from local.events.inputs import build_input
from local.messaging import senders
from local.messaging.delivery import DEFAULT_RETRIES, Delivery, Failure, TargetError


@dataclass(frozen=True)
class Match:
    """An event for one target of a matching rule."""

    rule_name: str
    rule_arn: str
    target: dict[str, Any]
    event: dict[str, Any]

    def deliver(self) -> None:
        """Deliver the event in the background."""
        queue = self.target.get("DeadLetterConfig", {}).get("Arn")
        Delivery(
            f"event {self.event['id']} ({self.event['detail-type']}) of rule {self.rule_name} to {self._arn}",
            self._send,
            partial(self._send_dead_letter, queue) if queue else None,
            self.target.get("RetryPolicy", {}).get("MaximumRetryAttempts", DEFAULT_RETRIES),
        ).start()

    def _send(self) -> None:
        _SENDERS[self._arn.split(":")[2]](self, build_input(self.target, self.event, self.rule_name, self.rule_arn))

    @property
    def _arn(self) -> str:
        return str(self.target["Arn"])

    @property
    def _role_arn(self) -> str | None:
        return self.target.get("RoleArn")

    def _client(self, service: str) -> Any:
        return clients.client(service, senders.region_of(self._arn), self._role_arn)

    def invoke_function(self, body: str) -> None:
        """Invoke a function whose policy allows EventBridge for this rule."""
        senders.invoke_as_service(self._arn, body, _SERVICE, self.rule_arn)

    def send_to_queue(self, body: str) -> None:
        """Send a message to a queue."""
        self._check_policy(self._arn)
        group_id = self.target.get("SqsParameters", {}).get("MessageGroupId")
        senders.send_to_queue(self._arn, body, role_arn=self._role_arn, group_id=group_id)

    def publish(self, body: str) -> None:
        """Publish a message to a topic."""
        self._check_policy(self._arn)
        senders.publish(self._arn, body, role_arn=self._role_arn)

    def start_execution(self, body: str) -> None:
        """Start an execution of a state machine, in the target's role."""
        self._client("stepfunctions").start_execution(
            stateMachineArn=self._arn, name=f"{self.event['id']}_{uuid.uuid4()}", input=body
        )

    def write_log(self, body: str) -> None:
        """Write a line to a log group."""
        group = self._arn.split(":log-group:")[1].removesuffix(":*")
        stream = str(uuid.uuid4())
        logs = self._client("logs")
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        line = {"timestamp": int(time.time() * 1000), "message": body}
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[line])

    def send_on(self, body: str) -> None:
        """Send the event to another bus, or to an API destination."""
        if ":api-destination/" in self._arn:
            self._request(body)
        else:
            self._forward(json.loads(body))

    def _forward(self, event: dict[str, Any]) -> None:
        sender, receiver = accounts.of_arn(self.rule_arn), accounts.of_arn(self._arn)
        if event["account"] not in (sender, receiver):
            # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html: not to a third account
            raise TargetError("THIRD_ACCOUNT_HOP_DETECTED", f"{event['account']} sent it to {sender}", final=True)
        verdict = cross_account.check_bus(self._arn, event, sender)
        if not verdict.allowed:
            raise senders.NotPermittedError(f"{sender} may not send to {self._arn}: {verdict.reason}")
        if self._role_arn:
            self._check_role("events:PutEvents")
        dispatch_to(self._arn, event)

    def _request(self, body: str) -> None:
        backend = models.events_backends[accounts.current()][senders.region_of(self._arn)]
        destination = next((each for each in backend.destinations.values() if each.arn == self._arn), None)
        connection = next(
            (each for each in backend.connections.values() if destination and each.arn == destination.connection_arn),
            None,
        )
        if destination is None or connection is None:
            raise TargetError("NO_RESOURCE", f"{self._arn} or its connection does not exist", final=True)
        self._check_role("events:InvokeApiDestination")
        destinations.send(destination, connection, self.target, body)

    def _check_role(self, action: str) -> None:
        verdict = audit.check_role(str(self._role_arn), Permission(action, self._arn))
        if config.current().enforce_iam and not verdict.allowed:
            raise senders.NotPermittedError(f"{self._role_arn} may not use {self._arn}: {verdict.reason}")

    def _send_dead_letter(self, queue_arn: str, failure: Failure) -> None:
        attributes = {
            "RULE_ARN": self.rule_arn,
            "TARGET_ARN": self._arn,
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": failure.message,
            "RETRY_ATTEMPTS": str(failure.retries),
        }
        if failure.exhausted:
            attributes["EXHAUSTED_RETRY_CONDITION"] = "MaximumRetryAttempts"
        senders.check_policy(_SERVICE, self.rule_arn, queue_arn)
        senders.send_to_queue(queue_arn, json.dumps(self.event), attributes)

    def _check_policy(self, receiver: str) -> None:
        if self._role_arn is None:  # a target's role needs the permission itself
            senders.check_policy(_SERVICE, self.rule_arn, receiver)


_SERVICE = "events.amazonaws.com"
_SENDERS: dict[str, Callable[[Match, str], None]] = {
    "events": Match.send_on,
    "lambda": Match.invoke_function,
    "logs": Match.write_log,
    "sns": Match.publish,
    "sqs": Match.send_to_queue,
    "states": Match.start_execution,
}
SERVICES = tuple(_SENDERS)
