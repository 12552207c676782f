"""Publishes an event for each change of a build's state in the stream of the builds table."""

from typing import Any

from sagebuild.events.publish import publish_changes
from sagebuild.log_keys import logged
from sagebuild.service import Service


@logged("Publish Events")
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Publish the changes of a batch; return where Lambda continues after a failure."""
    failed = publish_changes(Service.from_environment(), event["Records"])
    return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}
