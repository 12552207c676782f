"""The functions of the test service."""

import json
import os
import urllib.request
from typing import Any


def greet(_event: Any, _context: Any) -> str:
    """Return the greeting in the environment."""
    return os.environ["GREETING"]


def provision(event: dict[str, Any], _context: Any) -> None:
    """Respond to CloudFormation, with a failure if the properties ask for it."""
    refused = event["ResourceProperties"]["Refuse"] == event["RequestType"]
    answer = {
        "Status": "FAILED" if refused else "SUCCESS",
        "Reason": "as requested" if refused else "",
        "PhysicalResourceId": "provisioned",
        "Data": {"Answer": f"{event['RequestType']} {event['ResourceProperties']['Greeting']}"},
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    body = json.dumps(answer).encode()
    # The URL is signed for an empty content type, and urllib would send another.
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(request)
