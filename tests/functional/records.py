"""Records of builds that have ended, as the service writes them."""

import json
from dataclasses import replace
from typing import Any

from sagebuild.builds.items import to_item
from sagebuild.builds.records import BuildRecord, Trigger, build_key, describe_record, now
from tests.functional.conftest import SCRIPT, Stack


def write_record(stack: Stack, number: int, **changes: Any) -> None:
    """A build that has ended."""
    at = now().isoformat()
    facts: dict[str, Any] = {"status": "succeeded", "ended_at": at, "notified_at": at, "prices_date": "2026-11-01"}
    facts |= {
        "cost": 0.02,
        "cost_max": 0.5,
        "metrics": {"accuracy": 0.9 + number / 100},
        "parameters": json.dumps(SCRIPT),
    }
    record = replace(BuildRecord(number, Trigger("upload", "train/digits.csv"), at), **facts | changes)
    item = build_key(stack.service, number) | to_item(describe_record(record) | {"trigger": vars(record.trigger)})
    stack.service.dynamodb.put_item(TableName="builds", Item=item)
