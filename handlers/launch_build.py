"""Turns the messages of the launch queue into builds."""

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from sagebuild.launch import launch_build
from sagebuild.records import Trigger
from sagebuild.rollback import read_rollback, request_rollback
from sagebuild.service import Service

_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def handler(event: dict[str, Any], context: Any) -> Any:
    """Launch a build for each message; those that failed go back to the queue alone."""
    return process_partial_response(event=event, record_handler=_launch, processor=_processor, context=context)


def _launch(record: SQSRecord) -> None:
    service, trigger = Service.from_environment(), Trigger("topic", record.message_id)
    rollback = read_rollback(record.body)
    if rollback is None:
        launch_build(service, trigger)
    else:
        request_rollback(service, rollback, trigger)
