"""Event source mappings of DynamoDB's streams: invokes a function with the changes of a table's items, in order.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html. A stream here has one shard, so the batches of all items
follow each other.
"""

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.awslambda.exceptions import UnknownFunctionException
from moto.core.utils import utcnow
from moto.dynamodb.exceptions import ResourceNotFoundException
from moto.dynamodb.models import dynamodb_backends
from moto.events.models import EventPattern

from local import clients, config
from local.messaging import senders

# Its base rate is four times a second: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
_POLL_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 60.0
_DAY_SECONDS = 86400  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html keeps a record
_logger = logging.getLogger(__name__)

Records = list[dict[str, Any]]


def start(backend: Any, mapping: Any, forget: Callable[[], bool]) -> None:
    """Poll for a mapping while it exists and is enabled.

    Parameters
    ----------
    forget
        Called when the mapping is no longer active; False if it became active again.
    """
    poller = _Poller(backend, mapping, forget)
    threading.Thread(target=poller.poll, name=f"poll-{mapping.uuid}", daemon=True).start()


def prepare(backend: Any, mapping: Any) -> None:
    """Let moto not run the function inside the writes of the table."""
    if shard := _find_shard(backend, mapping.event_source_arn):
        shard.table.lambda_event_source_mappings.clear()
        oldest = int(shard.starting_sequence_number)
        mapping.position = shard.newest if mapping.starting_position == "LATEST" else oldest - 1


def _find_shard(backend: Any, stream_arn: str) -> Any:
    """The shard of a stream; None after its end. A failed transaction replaces it, so it is not kept."""
    try:
        table = dynamodb_backends[backend.account_id][backend.region_name].get_table(stream_arn.split("/")[1])
    except ResourceNotFoundException:
        return None
    return table.stream_shard if stream_arn.endswith(f"/{table.latest_stream_label}") else None


@dataclass
class _Poller:
    backend: Any
    mapping: Any
    forget: Callable[[], bool]
    _invocations: int = field(default=0, init=False)
    _next: tuple[int, str] = field(default=(-1, ""), init=False)  # the iterator after a position

    @property
    def _is_active(self) -> bool:
        exists = self.backend.get_event_source_mapping(self.mapping.uuid) is self.mapping
        return exists and bool(self.mapping.enabled)

    @property
    def _region(self) -> str:
        return senders.region_of(self.mapping.event_source_arn)

    def poll(self) -> None:
        while not self.forget():
            try:
                if records := self._read():
                    self._process(records)
                    if not self._is_active:
                        continue  # some may be unprocessed
                    self.mapping.position = int(records[-1]["dynamodb"]["SequenceNumber"])
                if len(records) < self.mapping.batch_size:
                    time.sleep(_POLL_SECONDS)
            except (ClientError, BotoCoreError, UnknownFunctionException) as error:
                if self._is_active:
                    _logger.warning("%s cannot be read: %s", self.mapping.event_source_arn, error)
                time.sleep(config.scale_seconds(5))

    def _read(self) -> Records:
        """The next records, read in the function's role; without a call while there are none."""
        shard = _find_shard(self.backend, self.mapping.event_source_arn)
        if not shard or shard.newest <= self.mapping.position:
            return []
        streams = clients.client("dynamodbstreams", self._region, self._role_arn())
        position, iterator = self._next
        if position != self.mapping.position or position + 1 < int(shard.starting_sequence_number):
            iterator = self._find_iterator(streams, shard)
        answer = streams.get_records(ShardIterator=iterator, Limit=min(self.mapping.batch_size, 1000))
        records = [self._describe(record) for record in answer["Records"]]
        if records:
            self._next = int(records[-1]["dynamodb"]["SequenceNumber"]), answer["NextShardIterator"]
        return records

    def _find_iterator(self, streams: Any, shard: Any) -> str:
        arn = self.mapping.event_source_arn
        shard_id = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        after = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": str(self.mapping.position)}
        if self.mapping.position < int(shard.starting_sequence_number):
            after = {"ShardIteratorType": "TRIM_HORIZON"}
        return str(streams.get_shard_iterator(StreamArn=arn, ShardId=shard_id, **after)["ShardIterator"])

    def _describe(self, record: dict[str, Any]) -> dict[str, Any]:
        """A record of GetRecords as Lambda passes it to a function."""
        change = record["dynamodb"]
        at = round(change["ApproximateCreationDateTime"].timestamp())
        return {
            "eventID": record["eventID"],
            "eventName": record["eventName"],
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": self._region,
            "dynamodb": change | {"ApproximateCreationDateTime": at},
            "eventSourceARN": self.mapping.event_source_arn,
        }

    def _role_arn(self) -> str:
        return str(self.backend.get_function(self.mapping.function_arn).role)

    def _process(self, records: Records) -> None:
        """Invoke the function until it has processed the records, or until its tries or their time are used up."""
        records, tries = [record for record in records if self._matches(record)], 0
        while records and self._is_active:
            self._invocations += 1
            failed, is_error = self._invoke(records)
            if failed is None:
                return
            tries, records = 1 if failed else tries + 1, records[failed:]
            if is_error and self.mapping.bisect_on_error and len(records) > 1:
                half = len(records) // 2
                self._process(records[:half])
                self._process(records[half:])
                return
            if condition := self._find_end(records[0], tries):
                self._discard(records if is_error else records[:1], condition)
                records, tries = [] if is_error else records[1:], 0
            else:
                time.sleep(config.scale_seconds(min(2.0**tries, _LONGEST_PAUSE_SECONDS)))

    def _matches(self, record: dict[str, Any]) -> bool:
        filters = (self.mapping.filter_criteria or {}).get("Filters", [])
        return not filters or any(EventPattern.load(each["Pattern"]).matches_event(record) for each in filters)

    def _invoke(self, records: Records) -> tuple[int | None, bool]:
        """Invoke the function; return the index of the first failed record, and whether the function failed itself."""
        try:
            answer = clients.client("lambda", self._region).invoke(
                FunctionName=self.mapping.function_arn, Payload=json.dumps({"Records": records}, default=str).encode()
            )
        except ClientError as error:
            _logger.warning("%s was not invoked: %s", self.mapping.function_arn, error)
            return 0, True
        payload = answer["Payload"].read()
        if "FunctionError" in answer:
            return 0, True
        if "ReportBatchItemFailures" not in (self.mapping.function_response_types or []):
            return None, False
        return _find_failed(json.loads(payload or b"null"), records)

    def _find_end(self, record: dict[str, Any], tries: int) -> str:
        """Why a record is not tried again; empty if it is."""
        most = self.mapping.max_retry_attempts
        if most not in (None, -1) and tries > most:
            return "RetryAttemptsExhausted"
        longest = self.mapping.max_record_age
        longest = _DAY_SECONDS if longest in (None, -1) else longest
        age = utcnow().replace(tzinfo=UTC).timestamp() - record["dynamodb"]["ApproximateCreationDateTime"]
        return "MaximumRecordAgeExceeded" if age * config.current().time_scale > longest else ""

    def _discard(self, records: Records, condition: str) -> None:
        queue = (self.mapping.destination_config or {}).get("OnFailure", {}).get("Destination")
        if not queue:
            _logger.warning("%s failed; %d records are lost", self.mapping.function_arn, len(records))
            return
        senders.send_to_queue(queue, json.dumps(self._report(records, condition)), role_arn=self._role_arn())

    def _report(self, records: Records, condition: str) -> dict[str, Any]:
        """What Lambda sends about records that it gives up: https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html."""
        changes = [record["dynamodb"] for record in records]
        times = [
            f"{datetime.fromtimestamp(change['ApproximateCreationDateTime'], UTC):%Y-%m-%dT%H:%M:%SZ}"
            for change in changes
        ]
        return {
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": self.mapping.function_arn,
                "condition": condition,
                "approximateInvokeCount": self._invocations,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
            "DDBStreamBatchInfo": {
                "shardId": "shardId-00000001541626099285-f35f62ef",
                "startSequenceNumber": changes[0]["SequenceNumber"],
                "endSequenceNumber": changes[-1]["SequenceNumber"],
                "approximateArrivalOfFirstRecord": times[0],
                "approximateArrivalOfLastRecord": times[-1],
                "batchSize": len(records),
                "streamArn": self.mapping.event_source_arn,
            },
        }


def _find_failed(report: Any, records: Records) -> tuple[int | None, bool]:
    """The index of the first record that the function reports as failed; all fail if the report is invalid."""
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    try:
        failed = [item["itemIdentifier"] for item in (report or {}).get("batchItemFailures") or []]
        return (min(numbers.index(number) for number in failed), False) if failed else (None, False)
    except (AttributeError, KeyError, TypeError, ValueError):
        return 0, True
