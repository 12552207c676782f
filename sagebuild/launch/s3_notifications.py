"""Reads S3's own event notifications, which S3 sends to a topic or a queue.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from sagebuild.launch.events import find_text, is_folder_marker

_S3 = "aws:s3"
# All other events, such as ObjectRemoved:Delete and LifecycleExpiration:Delete, bring no data.
_CREATED = "ObjectCreated:"


def is_s3(message: Mapping[str, Any]) -> bool:
    """Return whether S3 wrote the message: a notification about objects, or its test notification."""
    is_test = message.get("Event") == "s3:TestEvent"
    return is_test or find_text(message, "Records", 0, "eventSource") == _S3


def find_created_object(message: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return bucket and key of the first object that a notification reports as created; None if it reports none."""
    records = message.get("Records")
    for record in records if isinstance(records, list) else ():
        # The documentation of the event types has the prefix "s3:"; the notifications do not.
        name = find_text(record, "eventName").removeprefix("s3:")
        key = unquote_plus(find_text(record, "s3", "object", "key"))  # the key is URL-encoded
        is_created = find_text(record, "eventSource") == _S3 and name.startswith(_CREATED)
        if is_created and not is_folder_marker(record.get("s3"), key):
            return find_text(record, "s3", "bucket", "name"), key
    return None
