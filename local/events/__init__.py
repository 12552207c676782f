"""EventBridge: events of AWS's services and of anybody, matched by rules and delivered to targets."""

from collections.abc import Sequence
from typing import Any

MOTO_NAMES = (
    "moto.events.models.EventPattern.get_pattern",
    "moto.events.models.EventPattern.matches_event",
    "moto.events.models.EventsBackend.put_events",
    "moto.events.models.EventsBackend.put_rule",
    "moto.events.models.EventsBackend.put_targets",
    "moto.events.models.Rule.send_to_targets",
    "moto.events.models.events_backends",
    "moto.events.models.EventsBackend.describe_event_bus",
)


def emit(source: str, detail_type: str, resources: Sequence[str], detail: dict[str, Any], region: str) -> None:
    """Publish an AWS service's own event on a region's default bus.

    Parameters
    ----------
    source
        The service, such as ``aws.states``.
    detail_type
        What happened, in AWS's words.
    resources
        The ARNs of what it happened to.
    detail
        JSON; it is read before this returns and may change afterwards.
    region
        Of the bus.
    """
    from local import faults
    from local.events import bus

    event = bus.describe(source, detail_type, resources, detail, region)
    for seconds in faults.deliveries(detail_type, detail):
        bus.dispatch_after(seconds, event)


def install() -> None:
    """Put this EventBridge in the place of moto's."""
    from moto.events import models

    from local.events import rules

    models.Rule = rules.Rule
    models.events_backends.backend = rules.EventsBackend
