"""Delivers the messages of queues, topics and bucket notifications that moto stores.

Mail to ``email`` subscriptions becomes files in the folder ``mail`` of the engine's data. These subscriptions are
confirmed automatically.
"""

MOTO_NAMES = (
    "moto.awslambda.models.EventSourceMapping.get_configuration",
    "moto.events.models.EventPattern.load",
    "moto.events.models.EventPattern.matches_event",
    "moto.s3.notifications._detail_type",
    "moto.s3.notifications._get_s3_event",
    "moto.s3.notifications._invoke_awslambda",
    "moto.s3.notifications._send_event_bridge_message",
    "moto.s3.notifications._send_sns_message",
    "moto.s3.notifications._send_sqs_message",
    "moto.s3.notifications.send_event",
    "moto.sns.models.MAXIMUM_MESSAGE_LENGTH",
    "moto.sns.models.SNSBackend.create_topic",
    "moto.sns.models.SNSBackend.get_endpoint",
    "moto.sns.models.SNSBackend.publish",
    "moto.sns.models.SNSBackend.subscribe",
    "moto.sns.models.Subscription._parse_message_structure",
    "moto.sns.models.Subscription.get_post_data",
    "moto.sns.models.Subscription.private_key",
    "moto.sns.models.Subscription.publish",
    "moto.sns.models.sns_backends",
    "moto.core.responses.ActionResult",
    "moto.sqs.exceptions.InvalidParameterValue",
    "moto.sqs.exceptions.MissingParameter",
    "moto.sqs.exceptions.ReceiptHandleIsInvalid",
    "moto.sqs.exceptions.SQSException",
    "moto.sqs.models.Message.all_receipt_handles",
    "moto.sqs.models.Queue.add_message",
    "moto.sqs.models.Queue.approximate_number_of_messages",
    "moto.sqs.models.Queue.approximate_number_of_messages_delayed",
    "moto.sqs.models.Queue.approximate_number_of_messages_not_visible",
    "moto.sqs.models.Queue.delete_message",
    "moto.sqs.models.Queue.messages",
    "moto.sqs.models.Queue.wait_for_messages",
    "moto.sqs.models.SQSBackend.change_message_visibility",
    "moto.sqs.models.SQSBackend.change_message_visibility_batch",
    "moto.sqs.models.SQSBackend.is_message_valid_based_on_retention_period",
    "moto.sqs.models.SQSBackend.receive_message",
    "moto.sqs.models.SQSBackend.send_message",
    "moto.sqs.models.SQSBackend.send_message_batch",
    "moto.sqs.models.sqs_backends",
    "moto.sqs.responses.SQSResponse.delete_message_batch",
    "moto.sqs.responses.validate_message_attributes",
)


def install() -> None:
    """Replace moto's deliveries by these."""
    from moto.s3 import notifications
    from moto.sns import models as sns
    from moto.sqs import models as sqs
    from moto.sqs import responses

    from local import messages
    from local.messaging import buckets, queues, topics

    sqs.Queue = queues.Queue
    sqs.sqs_backends.backend = queues.SQSBackend
    responses.validate_message_attributes = lambda _: None  # `messages` checks those of each message
    responses.SQSResponse.delete_message_batch = queues.delete_batch
    sns.Subscription = topics.Subscription
    sns.sns_backends.backend = topics.SNSBackend
    sns.MAXIMUM_MESSAGE_LENGTH = messages.LARGEST_BYTES  # of any topic; `messages` checks that of each
    notifications._get_s3_event = buckets.describe_event
    notifications._invoke_awslambda = buckets.send_to_function
    notifications._send_event_bridge_message = buckets.send_to_event_bus
    notifications._send_sns_message = buckets.send_to_topic
    notifications._send_sqs_message = buckets.send_to_queue
    notifications.send_event = buckets.send_event
