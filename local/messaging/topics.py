"""SNS: moto stores the topics and subscriptions; this module delivers in the background."""

import json
import logging
from collections import deque
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from moto.sns import models
from moto.sns.exceptions import SNSInvalidParameter, SNSNotFoundError
from moto.sqs.exceptions import MissingParameter

from local import clients, partitions
from local.messaging import mail, senders
from local.messaging.delivery import Delivery, Failure

_PROTOCOLS = ("email", "email-json", "lambda", "sqs")
_logger = logging.getLogger(__name__)


class SNSBackend(models.SNSBackend):  # type: ignore[misc]
    """moto's SNS, with only the supported protocols."""

    __module__ = models.SNSBackend.__module__

    def create_topic(self, *arguments: Any, **named: Any) -> Any:
        """Create a topic; moto would keep every message that it publishes."""
        topic = super().create_topic(*arguments, **named)
        topic.sent_notifications = deque(maxlen=0)
        return topic

    def subscribe(self, topic_arn: str, endpoint: str, protocol: str) -> Any:
        """Subscribe an endpoint; mail addresses are confirmed automatically."""
        if protocol not in _PROTOCOLS:
            raise SNSInvalidParameter(f"local/ delivers to {', '.join(_PROTOCOLS)}, not to {protocol}")
        if protocol.startswith("email"):
            _logger.warning("%s is confirmed automatically; its mail becomes files in mail/", endpoint)
        return super().subscribe(topic_arn, endpoint, protocol)

    def publish(self, *arguments: Any, **named: Any) -> Any:
        """Publish a message; a missing group is reported in AWS's words."""
        try:
            return super().publish(*arguments, **named)
        except MissingParameter as error:
            required = "Invalid parameter: The MessageGroupId parameter is required for FIFO topics"
            raise SNSInvalidParameter(required) from error

    def get_endpoint(self, arn: str) -> Any:
        """An endpoint of a mobile application; moto looks for one when a topic does not exist."""
        if ":endpoint/" not in arn:
            raise SNSNotFoundError("Topic does not exist")
        return super().get_endpoint(arn)


class Subscription(models.Subscription):  # type: ignore[misc]
    """moto's subscription, with deliveries as on AWS."""

    __module__ = models.Subscription.__module__

    def publish(
        self,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        message_structure: str | None = None,
    ) -> None:
        """Deliver a message in the background if the filter policy matches."""
        matcher = self._filter_policy_matcher
        if matcher is not None and not matcher.matches(message_attributes, message):
            return
        if message_structure == "json":
            message = self._parse_message_structure(message, self.protocol)
        envelope = partial(self._envelope, message, message_id, subject, message_attributes)
        fifo = {"MessageGroupId": group_id, "MessageDeduplicationId": deduplication_id}
        senders_by_protocol: dict[str, Callable[[], None]] = {
            "email": partial(self._mail, message, subject),
            "email-json": lambda: self._mail(json.dumps(envelope(), indent=2), subject),
            "lambda": lambda: self._invoke(envelope()),
            "sqs": partial(self._send, message, message_attributes or {}, envelope, fifo),
        }
        redrive = self.attributes.get("RedrivePolicy")
        dead_letter = partial(self._send_dead_letter, json.loads(redrive), envelope) if redrive else None
        name = f"message {message_id} of {self.topic.arn} to {self.endpoint}"
        Delivery(name, senders_by_protocol[self.protocol], dead_letter).start()

    def private_key(self) -> rsa.RSAPrivateKey:
        """The signing key; all subscriptions share one, because generating one is slow."""
        return _private_key()

    def _envelope(
        self, message: str, message_id: str, subject: str | None, message_attributes: dict[str, Any] | None
    ) -> dict[str, Any]:
        region = self.topic.sns_backend.region_name
        unsubscribe = f"https://sns.{region}.{partitions.domain(region)}/?Action=Unsubscribe&SubscriptionArn={self.arn}"
        data = self.get_post_data(message, message_id, subject, message_attributes)
        return dict(data) | {"UnsubscribeURL": unsubscribe}

    def _send(
        self,
        message: str,
        message_attributes: dict[str, Any],
        envelope: Callable[[], dict[str, Any]],
        fifo: dict[str, str | None],
    ) -> None:
        senders.check_policy(_SERVICE, self.topic.arn, self.endpoint)
        raw = str(self.attributes.get("RawMessageDelivery")).lower() == "true"
        clients.client("sqs", senders.region_of(self.endpoint)).send_message(
            QueueUrl=senders.queue_url(self.endpoint),
            MessageBody=message if raw else json.dumps(envelope(), indent=2),
            MessageAttributes={name: _raw(value) for name, value in message_attributes.items()} if raw else {},
            **{name: value for name, value in fifo.items() if value},
        )

    def _invoke(self, envelope: dict[str, Any]) -> None:
        sns = {
            "Type": envelope["Type"],
            "MessageId": envelope["MessageId"],
            "TopicArn": envelope["TopicArn"],
            "Subject": envelope.get("Subject"),
            "Message": envelope["Message"],
            "Timestamp": envelope["Timestamp"],
            "SignatureVersion": envelope["SignatureVersion"],
            "Signature": envelope["Signature"],
            # These two keys have another spelling in events for functions than in messages for queues.
            "SigningCertUrl": envelope["SigningCertURL"],
            "UnsubscribeUrl": envelope["UnsubscribeURL"],
            "MessageAttributes": envelope.get("MessageAttributes", {}),
        }
        record = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": self.arn,
            "Sns": sns,
        }
        payload = json.dumps({"Records": [record]})
        senders.invoke_as_service(self.endpoint, payload, _SERVICE, self.topic.arn)

    def _mail(self, message: str, subject: str | None) -> None:
        mail.write(self.endpoint, subject or _SUBJECT, message)

    def _send_dead_letter(
        self, redrive: dict[str, str], envelope: Callable[[], dict[str, Any]], failure: Failure
    ) -> None:
        attributes = {"ErrorCode": failure.code, "ErrorMessage": failure.message}
        senders.check_policy(_SERVICE, self.topic.arn, redrive["deadLetterTargetArn"])
        senders.send_to_queue(redrive["deadLetterTargetArn"], json.dumps(envelope(), indent=2), attributes)


_SERVICE = "sns.amazonaws.com"
_SUBJECT = "AWS Notification Message"


@cache
def _private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _raw(attribute: dict[str, Any]) -> dict[str, Any]:
    kind = "BinaryValue" if attribute["Type"].startswith("Binary") else "StringValue"
    return {"DataType": attribute["Type"], kind: attribute["Value"]}
