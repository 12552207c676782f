"""Rules: moto stores and matches them; this module delivers the matching events."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.events import models
from moto.events.exceptions import ResourceNotFoundException, ValidationException

from local import accounts
from local.audit import cross_account
from local.errors import RefusedError
from local.events import destinations, inputs, schedules
from local.events.bus import describe, dispatch_to
from local.events.expressions import is_schedule_of_rule
from local.events.targets import SERVICES, Match

# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html; the message is that of
# localstack/localstack, tests/aws/services/events/test_events.snapshot.json, recorded from AWS.
_TARGETS = 5
_EVENT_FIELDS = ("id", "account", "source", "time", "region", "resources", "detail-type")
_ARCHIVE_MANAGER = "prod.vhs.events.aws.internal"  # moto's manager of the rules of archives


class Rule(models.Rule):  # type: ignore[misc]
    """moto's rule, with deliveries as on AWS."""

    __module__ = models.Rule.__module__

    def put_targets(self, targets: list[dict[str, Any]]) -> None:
        """Add or replace targets; refuse more than a rule can have."""
        if len({target["Id"] for target in (*self.targets, *targets)}) > _TARGETS:
            raise JsonRESTError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
        super().put_targets(targets)

    def send_to_targets(self, original_event: Any, transform_input: bool = True) -> None:
        """Deliver an event to every target if it matches."""
        if self.managed_by == _ARCHIVE_MANAGER:
            super().send_to_targets(original_event, transform_input)
        elif self.state == "ENABLED" and self.event_pattern.get_pattern():
            event = _as_delivered(original_event)
            if self.event_pattern.matches_event(event):
                self.deliver(event)

    def deliver(self, event: dict[str, Any]) -> None:
        """Deliver an event to every target."""
        for target in list(self.targets):
            Match(self.name, self.arn, target, event).deliver()


class EventsBackend(models.EventsBackend):  # type: ignore[misc]
    """moto's EventBridge, with schedules that run."""

    __module__ = models.EventsBackend.__module__

    def put_rule(self, *arguments: Any, **named: Any) -> Any:
        """Create or replace a rule, and start its schedule if it has a rate."""
        expression = named.get("scheduled_expression")
        if expression and not is_schedule_of_rule(expression):
            raise ValidationException("Parameter ScheduleExpression is not valid.")
        rule = super().put_rule(*arguments, **named)
        schedules.start(self, rule)
        return rule

    def put_targets(self, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]) -> None:
        """Add targets of the supported services."""
        for target in targets:
            service = (target["Arn"].split(":") + [""] * 3)[2]
            if service not in SERVICES and not name.startswith("Events-Archive-"):
                raise ValidationException(f"local/ delivers events to {', '.join(SERVICES)}, not to {target['Arn']}")
            if (service == "states" or ":api-destination/" in target["Arn"]) and not target.get("RoleArn"):
                raise ValidationException(f"RoleArn is required for target {target['Arn']}.")
            inputs.check(target)
        super().put_targets(name, event_bus_arn, targets)

    def create_connection(self, name: str, description: str, authorization_type: str, auth_parameters: Any) -> Any:
        """Create a connection of a supported type."""
        destinations.check_connection(authorization_type, auth_parameters)
        return super().create_connection(name, description, authorization_type, auth_parameters)

    def create_api_destination(self, *arguments: Any, **named: Any) -> Any:
        """Create an API destination; refuse an address that EventBridge refuses."""
        destinations.check_endpoint((*arguments, named.get("invocation_endpoint"))[3])
        return super().create_api_destination(*arguments, **named)

    def put_events(self, events: list[dict[str, Any]]) -> Any:
        """Publish custom events; refuse those with a source of AWS."""
        if len(events) > 10:
            return super().put_events(events)
        return [self._check_entry(event) or self._put_event(event) for event in events]

    @staticmethod
    def _check_entry(event: dict[str, Any]) -> dict[str, str] | None:
        if _is_aws(event):
            return _REFUSED
        # moto accepts any JSON.
        return _MALFORMED if str(event.get("Detail") or "{").lstrip()[:1] != "{" else None

    def _put_event(self, event: dict[str, Any]) -> Any:
        bus = str(event.get("EventBusName") or "")
        if not bus.startswith("arn:") or accounts.of_arn(bus) == self.account_id:
            try:
                return super().put_events([event])[0]
            except ResourceNotFoundException:
                # An unknown bus drops the event: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
                return {"EventId": str(uuid.uuid4())}
        described = {"source": event["Source"], "detail-type": event["DetailType"]}
        verdict = cross_account.check_bus(bus, described, self.account_id)
        if not verdict.allowed:
            reason = f"{self.account_id} is not authorized to perform: events:PutEvents on resource: {bus}"
            raise RefusedError("AccessDeniedException", f"{reason} because {verdict.reason}", 400)
        detail = json.loads(event["Detail"])
        sent = describe(event["Source"], event["DetailType"], event.get("Resources", []), detail, self.region_name)
        dispatch_to(bus, sent)
        return {"EventId": sent["id"]}


_REFUSED = {
    "ErrorCode": "NotAuthorizedForSourceException",
    "ErrorMessage": "Not authorized for the source.",
}
_MALFORMED = {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}


def _is_aws(event: dict[str, Any]) -> bool:
    return str(event.get("Source", "")).startswith("aws.")


def _as_delivered(event: dict[str, Any]) -> dict[str, Any]:
    """moto's event without moto's additions."""
    time = event["time"]
    if isinstance(time, int | float):
        time = f"{datetime.fromtimestamp(time, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {name: value for name, value in event.items() if name != "ingestion-time"} | {"time": time}


def test_event_pattern(response: Any) -> str:
    """Answer TestEventPattern, to which moto has no answer.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html names the required fields.
    """
    text = response._get_param("EventPattern")
    pattern = models.EventPattern(text, models.EventPatternParser(text).parse())
    try:
        event = json.loads(response._get_param("Event"))
        missing = [name for name in _EVENT_FIELDS if name not in event]
    except (ValueError, TypeError) as error:
        raise ValidationException(f"Parameter Event is not valid: {error}") from error
    if missing:
        raise ValidationException(f"Parameter Event is not valid: it lacks {', '.join(missing)}.")
    return json.dumps({"Result": pattern.matches_event(event)})
