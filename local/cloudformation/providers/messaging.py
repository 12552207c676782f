"""SNS and SQS."""

import json
from typing import Any

from local.cloudformation.providers.base import Attributes, Provider, Task, document, tag_list
from local.cloudformation.schemas import text

_TOPIC = {
    "DisplayName": "",
    "KmsMasterKeyId": "",
    "ContentBasedDeduplication": "false",
    "SignatureVersion": "1",
    "TracingConfig": "PassThrough",
}
_QUEUE = {
    "DelaySeconds": "0",
    "MaximumMessageSize": "262144",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "VisibilityTimeout": "30",
    "RedrivePolicy": "",
    "RedriveAllowPolicy": "",
    "KmsMasterKeyId": "",
    "KmsDataKeyReusePeriodSeconds": "300",
    "SqsManagedSseEnabled": "false",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}
_SUBSCRIPTION = {
    "FilterPolicy": "{}",
    "FilterPolicyScope": "MessageAttributes",
    "RawMessageDelivery": "false",
    "RedrivePolicy": "{}",
    "DeliveryPolicy": "{}",
}


def _texts(task: Task, names: Any) -> dict[str, str]:
    given = {name: task[name] for name in names if name in task.properties}
    return {name: json.dumps(v) if isinstance(v, dict) else text(v) for name, v in given.items()}


def _changed_texts(task: Task, defaults: dict[str, str]) -> dict[str, str]:
    return {name: v for name, v in (defaults | _texts(task, defaults)).items() if task.changed(name)}


def _fifo(name: str) -> Any:
    return lambda task: ".fifo" if task.get(name) else ""


def _create_topic(task: Task) -> Attributes:
    attributes = _texts(task, [*_TOPIC, "FifoTopic"])
    arn = task.api.create_topic(Name=task["TopicName"], Attributes=attributes, Tags=tag_list(task.tags))["TopicArn"]
    return {"Ref": arn, "TopicArn": arn, "TopicName": task["TopicName"]}


def _update_topic(task: Task) -> None:
    for name, value in _changed_texts(task, _TOPIC).items():
        task.api.set_topic_attributes(TopicArn=task.physical_id, AttributeName=name, AttributeValue=value)
    task.retag(
        lambda tags: task.api.tag_resource(ResourceArn=task.physical_id, Tags=tag_list(tags)),
        lambda keys: task.api.untag_resource(ResourceArn=task.physical_id, TagKeys=keys),
    )


def _subscribe_inline(task: Task) -> None:
    topic = {"TopicArn": task.physical_id}
    after, before = task.get("Subscription", []), task.before.get("Subscription", [])
    for subscription in after:
        if subscription not in before:
            task.api.subscribe(**topic, **subscription)
    removed = [subscription for subscription in before if subscription not in after]
    if removed:
        for known in task.api.list_subscriptions_by_topic(**topic)["Subscriptions"]:
            if {"Endpoint": known["Endpoint"], "Protocol": known["Protocol"]} in removed:
                task.api.unsubscribe(SubscriptionArn=known["SubscriptionArn"])


def _set_topic_policies(task: Task) -> None:
    for topic in task["Topics"]:
        policy = document(task["PolicyDocument"])
        task.api.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    for topic in set(task.before.get("Topics", [])) - set(task["Topics"]):
        _reset_topic_policy(task, topic)


def _reset_topic_policy(task: Task, topic: str) -> None:
    owner = {"StringEquals": {"AWS:SourceOwner": topic.split(":")[4]}}
    allow = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "SNS:Publish", "Resource": topic}
    policy = json.dumps({"Version": "2008-10-17", "Statement": [{**allow, "Condition": owner}]})
    task.api.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)


def _reset_topic_policies(task: Task) -> None:
    for topic in task["Topics"]:
        _reset_topic_policy(task, topic)


def _create_subscription(task: Task) -> Attributes:
    arn = task.api.subscribe(
        **task.pick("TopicArn Protocol Endpoint"), Attributes=_texts(task, _SUBSCRIPTION), ReturnSubscriptionArn=True
    )["SubscriptionArn"]
    return {"Ref": arn, "Arn": arn}


def _update_subscription(task: Task) -> None:
    for name, value in _changed_texts(task, _SUBSCRIPTION).items():
        task.api.set_subscription_attributes(SubscriptionArn=task.physical_id, AttributeName=name, AttributeValue=value)


def _create_queue(task: Task) -> Attributes:
    attributes = _texts(task, [*_QUEUE, "FifoQueue"])
    url = task.api.create_queue(QueueName=task["QueueName"], Attributes=attributes, tags=task.tags)["QueueUrl"]
    arn = task.api.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return {"Ref": url, "QueueUrl": url, "Arn": arn, "QueueName": task["QueueName"]}


def _update_queue(task: Task) -> None:
    if attributes := _changed_texts(task, _QUEUE):
        task.api.set_queue_attributes(QueueUrl=task.physical_id, Attributes=attributes)
    task.retag(
        lambda tags: task.api.tag_queue(QueueUrl=task.physical_id, Tags=tags),
        lambda keys: task.api.untag_queue(QueueUrl=task.physical_id, TagKeys=keys),
    )


def _set_queue_policies(task: Task) -> None:
    for queue in set(task["Queues"]) | set(task.before.get("Queues", [])):
        policy = document(task["PolicyDocument"]) if queue in task["Queues"] else ""
        task.api.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})


def _reset_queue_policies(task: Task) -> None:
    for queue in task["Queues"]:
        task.api.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})


PROVIDERS = {
    "AWS::SNS::Topic": Provider(
        "sns",
        f"TopicName FifoTopic {' '.join(_TOPIC)} Subscription Tags",
        _create_topic,
        lambda task: task.api.delete_topic(TopicArn=task.physical_id),
        _subscribe_inline,
        _update_topic,
        name="TopicName",
        suffix=_fifo("FifoTopic"),
    ),
    "AWS::SNS::TopicPolicy": Provider(
        "sns",
        "Topics PolicyDocument",
        lambda task: {"Ref": task.logical_id},
        _reset_topic_policies,
        _set_topic_policies,
    ),
    "AWS::SNS::Subscription": Provider(
        "sns",
        f"TopicArn Protocol Endpoint {' '.join(_SUBSCRIPTION)}",
        _create_subscription,
        lambda task: task.api.unsubscribe(SubscriptionArn=task.physical_id),
        update=_update_subscription,
    ),
    "AWS::SQS::Queue": Provider(
        "sqs",
        f"QueueName FifoQueue {' '.join(_QUEUE)} Tags",
        _create_queue,
        lambda task: task.api.delete_queue(QueueUrl=task.physical_id),
        update=_update_queue,
        name="QueueName",
        suffix=_fifo("FifoQueue"),
    ),
    "AWS::SQS::QueuePolicy": Provider(
        "sqs",
        "Queues PolicyDocument",
        lambda task: {"Ref": task.logical_id},
        _reset_queue_policies,
        _set_queue_policies,
    ),
}
