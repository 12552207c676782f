"""The functions of the test service."""

import json
import os
import urllib.request
from typing import Any


def greet(_event: Any, _context: Any) -> str:
    """Say what the environment says."""
    return os.environ["GREETING"]


def provision(event: dict[str, Any], _context: Any) -> None:
    """Answer CloudFormation, with a refusal if that is asked for."""
    refused = event["ResourceProperties"]["Refuse"] == event["RequestType"]
    answer = {
        "Status": "FAILED" if refused else "SUCCESS",
        "Reason": "as it was told to" if refused else "",
        "PhysicalResourceId": "provisioned",
        "Data": {"Answer": f"{event['RequestType']} {event['ResourceProperties']['Greeting']}"},
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    body = json.dumps(answer).encode()
    # The URL is signed for an empty content type, and urllib would send another.
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(request)
