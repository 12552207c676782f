"""Turns the messages of the launch queue into builds."""

from typing import Any

from sagebuild.launch.dead_letters import Message
from sagebuild.launch.inbox import take_messages
from sagebuild.log_keys import logged
from sagebuild.service import Service


@logged("Launch Build")
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Launch a build for a batch of messages; only failed messages return to the queue."""
    messages = [Message(record["messageId"], record["body"]) for record in event["Records"]]
    failed = take_messages(Service.from_environment(), messages)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
