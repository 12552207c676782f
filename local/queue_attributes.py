"""Refuses attributes of queues, topics and subscriptions that SQS and SNS refuse, and wrong tokens of SNS's lists."""

import re
from collections.abc import Callable, Iterator

from local.messages import Given, Refusal

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
_QUEUE_RANGES = {
    "DelaySeconds": (0, 900),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
    "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
}
# https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html
_TOPIC_ATTRIBUTES = re.compile(
    r"ArchivePolicy|ContentBasedDeduplication|DeliveryPolicy|DisplayName|FifoThroughputScope|KmsMasterKeyId"
    r"|MaximumMessageSize|Policy|SignatureVersion|TracingConfig"
    r"|(Application|Firehose|HTTP|Lambda|SQS)((Success|Failure)FeedbackRoleArn|SuccessFeedbackSampleRate)"
)


def _check_queue(given: Given) -> Iterator[Refusal]:
    for name, value in (given.get("Attributes") or {}).items():
        least, most = _QUEUE_RANGES.get(name, (0, 0))
        if most and not (str(value).isdecimal() and least <= int(value) <= most):
            yield "InvalidAttributeValue", f"Invalid value for the parameter {name}."


def _check_topic(given: Given) -> Iterator[Refusal]:
    if not _TOPIC_ATTRIBUTES.fullmatch(str(given.get("AttributeName"))):
        yield "InvalidParameter", "Invalid parameter: AttributeName"


def _check_subscription(given: Given) -> Iterator[Refusal]:
    if str(given.get("Protocol")).startswith("email") and "@" not in str(given.get("Endpoint")):
        yield "InvalidParameter", "Invalid parameter: Email address"


def _check_token(given: Given) -> Iterator[Refusal]:
    if not str(given.get("NextToken") or "0").isdecimal():  # moto's tokens are numbers
        yield "InvalidParameter", "Invalid parameter: NextToken"


RULES: dict[str, Callable[[Given], Iterator[Refusal]]] = {
    "sns:ListSubscriptions": _check_token,
    "sns:ListSubscriptionsByTopic": _check_token,
    "sns:ListTopics": _check_token,
    "sns:SetTopicAttributes": _check_topic,
    "sns:Subscribe": _check_subscription,
    "sqs:CreateQueue": _check_queue,
    "sqs:SetQueueAttributes": _check_queue,
}
