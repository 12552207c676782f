"""Promotes a build of the stack promoteFrom when its model is approved there."""

from typing import Any

from sagebuild.launch.dead_letters import Message
from sagebuild.log_keys import logged
from sagebuild.promotion.automatic import take_event
from sagebuild.service import Service


@logged("Promote Build")
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Promote the build of each message; only messages that must wait return to the queue."""
    service = Service.from_environment()
    messages = [Message(record["messageId"], record["body"]) for record in event["Records"]]
    waiting = [message.id for message in messages if not take_event(service, message)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in waiting]}
