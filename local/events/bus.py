"""Builds events, and dispatches them to the rules of a bus."""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from moto.events import models

from local import accounts
from local.messaging.background import Background

_late = Background("late-events", workers=1)


def describe(
    source: str, detail_type: str, resources: Sequence[str], detail: dict[str, Any], region: str
) -> dict[str, Any]:
    """An event in the format for targets."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": accounts.current(),
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": region,
        "resources": list(resources),
        "detail": json.loads(json.dumps(detail, default=str)),
    }


def dispatch_after(seconds: float, event: dict[str, Any]) -> None:
    """Dispatch an event to every rule of its region's default bus, now or later."""
    if seconds:
        _late.run(partial(dispatch, event), after=seconds)
    else:
        dispatch(event)


def dispatch(event: dict[str, Any], region: str | None = None, bus: str = "default") -> None:
    """Dispatch an event to every rule of a bus of the present account."""
    backend = models.events_backends[accounts.current()][region or event["region"]]
    for rule in list(backend.describe_event_bus(bus).rules.values()):
        rule.send_to_targets(event)


def dispatch_to(bus_arn: str, event: dict[str, Any]) -> None:
    """Dispatch an event to every rule of a bus, which may be in another account; the event keeps its own account."""
    with accounts.acting_in(accounts.of_arn(bus_arn)):
        dispatch(event, bus_arn.split(":")[3], bus_arn.partition("event-bus/")[2])
