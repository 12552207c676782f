"""The results of a distributed Map state: the state's output, and files in S3."""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.states.shapes import to_iso, to_text

Json = dict[str, Any]


@dataclass
class Child:
    """One child execution of a Map Run, with ``items`` items as input."""

    arn: str
    machine_arn: str
    given: Any
    items: int
    start: datetime
    stop: datetime | None = None
    status: str = "RUNNING"
    output: Any = None
    error: str | None = None
    cause: str | None = None

    @property
    def metadata(self) -> Json:
        """The child as in the transformation NONE."""
        succeeded = self.status == "SUCCEEDED"
        described = {
            "ExecutionArn": self.arn,
            "Input": to_text(self.given),
            "InputDetails": {"Included": True},
            "Name": self.arn.rsplit(":", 1)[1],
            "Output": to_text(self.output) if succeeded else None,
            "OutputDetails": {"Included": True},
            "Error": self.error,
            "Cause": self.cause,
            "RedriveCount": 0,
            "RedriveStatus": "NOT_REDRIVABLE" if succeeded else "REDRIVABLE_BY_MAP_RUN",
            "RedriveStatusReason": "Execution is SUCCEEDED and cannot be redriven" if succeeded else None,
            "StartDate": to_iso(self.start),
            "StateMachineArn": self.machine_arn,
            "Status": self.status,
            "StopDate": to_iso(self.stop) if self.stop else None,
        }
        return {name: value for name, value in sorted(described.items()) if value is not None}


def transform(children: list[Child], transformation: str) -> list[Any]:
    """The results of children: NONE, COMPACT or FLATTEN; failed ones are as in NONE.

    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
    """
    results: list[Any] = []
    for child in children:
        if child.status != "SUCCEEDED" or transformation == "NONE":
            results.append(child.metadata)
        elif transformation == "FLATTEN" and isinstance(child.output, list):
            results += child.output
        else:
            results.append(child.output)
    return results


def write_results(client: Any, options: Json, map_run_arn: str, children: list[Child]) -> Json:
    """Write the results to S3, a file for each status and a manifest; return the output of the Map state."""
    target = options["Target"]
    config = options.get("WriterConfig", {})
    prefix = target.get("Prefix", "").rstrip("/")
    folder = f"{prefix}/{map_run_arn.rsplit(':', 1)[1]}" if prefix else map_run_arn.rsplit(":", 1)[1]
    files: dict[str, list[Json]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
    for status, written in files.items():
        chosen = [child for child in children if child.status == status]
        if chosen:
            results = transform(chosen, config.get("Transformation", "NONE"))
            written.append(_write(client, target["Bucket"], f"{folder}/{status}_0", results, config))
    manifest = {"DestinationBucket": target["Bucket"], "MapRunArn": map_run_arn, "ResultFiles": files}
    key = f"{folder}/manifest.json"
    client.put_object(Bucket=target["Bucket"], Key=key, Body=json.dumps(manifest).encode())
    return {"MapRunArn": map_run_arn, "ResultWriterDetails": {"Bucket": target["Bucket"], "Key": key}}


def _write(client: Any, bucket: str, name: str, results: list[Any], config: Json) -> Json:
    is_lines = config.get("OutputType") == "JSONL"
    body = ("\n".join(map(to_text, results)) if is_lines else to_text(results)).encode()
    key = f"{name}.{'jsonl' if is_lines else 'json'}"
    client.put_object(Bucket=bucket, Key=key, Body=body)
    return {"Key": key, "Size": len(body)}


def child_arns(map_run_arn: str) -> tuple[str, str]:
    """The ARN of a new child execution, and of the state machine that it reports."""
    machine = map_run_arn.replace(":mapRun:", ":stateMachine:").rsplit(":", 1)[0]
    return f"{machine.replace(':stateMachine:', ':execution:')}:{uuid.uuid4()}", machine
