"""What tests of SageMaker need of an account: a bucket, a role, archives, and patience."""

import io
import json
import tarfile
import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from tests.engine import Engine

T = TypeVar("T")
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


def pack(files: dict[str, str | bytes]) -> bytes:
    """A tar.gz of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def unpack(archive: bytes) -> dict[str, bytes]:
    """The files of a tar.gz."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = {entry.name: tar.extractfile(entry) for entry in tar.getmembers()}
        return {name: file.read() for name, file in files.items() if file}


def wait_until(read: Callable[[], T], holds: Callable[[T], bool], seconds: float = 30) -> T:
    """Poll until what is read is as it should be."""
    deadline = time.monotonic() + seconds
    while not holds(value := read()):
        assert time.monotonic() < deadline, f"still {value}"
        time.sleep(0.05)
    return value


class World:
    """One bucket and one role of an engine."""

    def __init__(self, engine: Engine) -> None:
        self.sagemaker: Any = engine.client("sagemaker")
        self.runtime: Any = engine.client("sagemaker-runtime")
        self.s3: Any = engine.client("s3")
        self.logs: Any = engine.client("logs")
        self.bucket = f"world-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)
        trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}}]}
        iam = engine.client("iam")
        policy = json.dumps({"Version": "2012-10-17", **trust})
        created = iam.create_role(RoleName=self.bucket, AssumeRolePolicyDocument=policy)
        self.role: str = created["Role"]["Arn"]

    def put(self, key: str, body: bytes | str) -> str:
        """Upload; returns the S3 address."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def read(self, uri: str) -> bytes:
        """Download from an S3 address."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def read_logs(self, group: str, prefix: str) -> list[str]:
        """The lines of the log streams whose name begins so."""
        if not self.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []
        streams = self.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]
        return [
            event["message"]
            for stream in streams
            for event in self.logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]
