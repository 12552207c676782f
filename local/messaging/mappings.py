"""Event source mappings of queues: polls in the function's role, and invokes the function with batches."""

import json
import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.awslambda.exceptions import ConflictException, InvalidParameterValueException, UnknownFunctionException
from moto.sqs import sqs_backends

from local import clients, config
from local.messaging import records, streams
from local.messaging.background import Background
from local.messaging.senders import queue_url, region_of

_POLL_SECONDS = 5  # of a long poll; a deleted mapping may poll for that long
_ERROR_PAUSE_SECONDS = 5.0
_MAX_CONCURRENCY = 5  # Lambda's initial number of pollers
_MAX_BATCH = 10  # SQS's quota for one ReceiveMessage or DeleteMessageBatch
_logger = logging.getLogger(__name__)
_batches = Background("lambda-batches", workers=16)
_polled: set[str] = set()
_lock = threading.Lock()


class ResourceConflictError(ConflictException):  # type: ignore[misc]
    """The queue or stream is already mapped to the function."""

    def __init__(self, source: str, function: str) -> None:
        kind = "event source" if is_stream(source) else "SQS"
        super().__init__(
            f"An event source mapping with {kind} arn ({source}) and function ({function}) already exists."
        )
        self.error_type = "ResourceConflictException"


def is_stream(source: str) -> bool:
    """True for the ARN of a stream of DynamoDB, False for that of a queue."""
    return source.split(":")[2] == "dynamodb"


def check(backend: Any, spec: dict[str, Any]) -> None:
    """Refuse a mapping that Lambda refuses.

    Raises
    ------
    ResourceConflictError
        When the mapping exists.
    InvalidParameterValueException
        When a message could become visible again while the function processes it.
    """
    function = backend.get_function(spec["FunctionName"])
    source = spec["EventSourceArn"]
    for mapping in backend.list_event_source_mappings(source, None):
        if mapping.function_arn == function.function_arn:
            raise ResourceConflictError(source, function.function_name)
    for queue in sqs_backends[backend.account_id][backend.region_name].queues.values():
        if queue.queue_arn == source and queue.visibility_timeout < int(function.timeout):
            raise InvalidParameterValueException(
                f"Queue visibility timeout: {queue.visibility_timeout} seconds is less than"
                f" Function timeout: {function.timeout} seconds"
            )


def start(backend: Any, mapping: Any) -> None:
    """Poll for a mapping while it exists and is enabled."""
    for queue in sqs_backends[backend.account_id][backend.region_name].queues.values():
        queue.lambda_event_source_mappings.clear()  # or moto would run the function inside SendMessage
    with _lock:
        if not mapping.enabled or mapping.uuid in _polled:
            return
        _polled.add(mapping.uuid)
    if is_stream(mapping.event_source_arn):
        streams.start(backend, mapping, lambda: _forget(backend, mapping))
        return
    threading.Thread(target=_Poller(backend, mapping).poll, name=f"poll-{mapping.uuid}", daemon=True).start()


def _forget(backend: Any, mapping: Any) -> bool:
    """Let the mapping be polled by another thread; return False if it is active again, so that this one continues."""
    with _lock:
        if _is_active(backend, mapping):
            return False
        _polled.discard(mapping.uuid)
        return True


def _is_active(backend: Any, mapping: Any) -> bool:
    return backend.get_event_source_mapping(mapping.uuid) is mapping and bool(mapping.enabled)


@dataclass
class _Poller:
    backend: Any
    mapping: Any
    _slots: threading.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        scaling = self.mapping.scaling_config or {}
        self._slots = threading.Semaphore(scaling.get("MaximumConcurrency", _MAX_CONCURRENCY))

    @property
    def _is_active(self) -> bool:
        return _is_active(self.backend, self.mapping)

    @property
    def _region(self) -> str:
        return region_of(self.mapping.event_source_arn)

    def poll(self) -> None:
        while not _forget(self.backend, self.mapping):
            try:
                self._poll_once()
            except (ClientError, BotoCoreError, UnknownFunctionException) as error:
                _logger.warning("%s cannot be polled: %s", self.mapping.event_source_arn, error)
                time.sleep(config.scale_seconds(_ERROR_PAUSE_SECONDS))

    def _poll_once(self) -> None:
        self._slots.acquire()
        batch: list[dict[str, Any]] = []
        try:
            batch = self._collect(clients.client("sqs", self._region, self._role_arn()))
            if batch and not self._is_active:
                self._set_visibility(batch, 0)
                batch = []
        finally:
            if not batch:
                self._slots.release()
        if batch:
            _batches.run(lambda: self._run(batch))

    def _role_arn(self) -> str:
        return str(self.backend.get_function(self.mapping.function_arn).role)

    def _collect(self, sqs: Any) -> list[dict[str, Any]]:
        """Receive one batch: the available messages, and those that arrive within the batching window."""
        url = queue_url(self.mapping.event_source_arn)
        window = config.scale_seconds(self.mapping.max_batch_window or 0)
        batch: list[dict[str, Any]] = []
        end = None
        while end is None or (len(batch) < self.mapping.batch_size and time.monotonic() < end):
            batch += sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(self.mapping.batch_size - len(batch), _MAX_BATCH),
                WaitTimeSeconds=_POLL_SECONDS if end is None else 1,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            if not batch:
                break
            end = end or time.monotonic() + window
        return batch

    def _run(self, batch: list[dict[str, Any]]) -> None:
        started_at = time.monotonic()
        try:
            sqs = clients.client("sqs", self._region, self._role_arn())
            attributes = sqs.get_queue_attributes(
                QueueUrl=queue_url(self.mapping.event_source_arn), AttributeNames=["VisibilityTimeout"]
            )["Attributes"]
            made = [records.describe(message, self.mapping.event_source_arn) for message in batch]
            filters = (self.mapping.filter_criteria or {}).get("Filters", [])
            matching = [record for record in made if records.matches(record, filters)]
            failed = self._invoke(matching) if matching else set()
            self._delete(sqs, [message for message in batch if message["MessageId"] not in failed])
            seconds_left = int(attributes["VisibilityTimeout"]) - (time.monotonic() - started_at)
            if config.current().time_scale > 1:
                self._set_visibility(
                    [message for message in batch if message["MessageId"] in failed],
                    int(config.scale_seconds(seconds_left)),
                )
        except (ClientError, BotoCoreError, UnknownFunctionException) as error:
            _logger.warning("a batch of %s was not processed: %s", self.mapping.event_source_arn, error)
        finally:
            self._slots.release()

    def _delete(self, sqs: Any, messages: list[dict[str, Any]]) -> None:
        entries = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(messages)
        ]
        for start in range(0, len(entries), _MAX_BATCH):
            sqs.delete_message_batch(
                QueueUrl=queue_url(self.mapping.event_source_arn), Entries=entries[start : start + _MAX_BATCH]
            )

    def _set_visibility(self, batch: list[dict[str, Any]], seconds: int) -> None:
        """Shorten the visibility timeout, as the account's owner; Lambda itself waits for the whole timeout."""
        for message in batch:
            clients.client("sqs", self._region).change_message_visibility(
                QueueUrl=queue_url(self.mapping.event_source_arn),
                ReceiptHandle=message["ReceiptHandle"],
                VisibilityTimeout=max(0, seconds),
            )

    def _invoke(self, batch: list[dict[str, Any]]) -> set[str]:
        """Invoke the function with records; return the ids of the messages that it did not process."""
        all_ids = {record["messageId"] for record in batch}
        try:
            answer = clients.client("lambda", self._region).invoke(
                FunctionName=self.mapping.function_arn, Payload=json.dumps({"Records": batch}).encode()
            )
        except ClientError as error:
            _logger.warning("%s was not invoked: %s", self.mapping.function_arn, error)
            return all_ids
        payload = answer["Payload"].read()
        if "FunctionError" in answer:
            return all_ids
        if "ReportBatchItemFailures" not in (self.mapping.function_response_types or []):
            return set()
        return records.read_failed_ids(payload, all_ids)
