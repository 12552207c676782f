"""EventBridge: matches events of AWS's services and custom events with rules, and delivers them to targets."""

from collections.abc import Sequence
from typing import Any

MOTO_NAMES = (
    "moto.events.models.Connection.describe",
    "moto.events.models.Destination",
    "moto.events.models.EventPattern.get_pattern",
    "moto.events.models.EventPattern.matches_event",
    "moto.events.models.EventPatternParser.parse",
    "moto.events.models.EventsBackend.create_api_destination",
    "moto.events.models.EventsBackend.create_connection",
    "moto.events.models.EventsBackend.put_events",
    "moto.events.models.EventsBackend.put_rule",
    "moto.events.models.EventsBackend.put_targets",
    "moto.events.models.Rule.send_to_targets",
    "moto.events.models.events_backends",
    "moto.events.responses.EventsHandler.test_event_pattern",
    "moto.events.models.EventsBackend.describe_event_bus",
)


def emit(source: str, detail_type: str, resources: Sequence[str], detail: dict[str, Any], region: str) -> None:
    """Publish an AWS service's event on the default bus of a region.

    Parameters
    ----------
    source
        The service, such as ``aws.states``.
    detail_type
        AWS's name for the type of event.
    resources
        The ARNs of the affected resources.
    detail
        JSON; it is copied, so the caller may change it afterwards.
    region
        The region of the bus.
    """
    from local import faults
    from local.events import bus

    event = bus.describe(source, detail_type, resources, detail, region)
    for seconds in faults.deliveries(detail_type, detail):
        bus.dispatch_after(seconds, event)


def install() -> None:
    """Replace moto's EventBridge by this one."""
    from moto.events import models
    from moto.events.responses import EventsHandler

    from local.events import destinations, rules

    EventsHandler.test_event_pattern = rules.test_event_pattern
    models.Connection = destinations.Connection
    models.Rule = rules.Rule
    models.events_backends.backend = rules.EventsBackend
