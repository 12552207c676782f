"""Starts local/ as a person would, in a process of its own, for the tests that need an AWS."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Engine:
    """A running local/: its address, its folder and its process."""

    endpoint_url: str
    data: Path
    process: "subprocess.Popen[str]"

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """A boto3 client of this engine, as the account's owner."""
        session: Any = boto3.session.Session()
        return session.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which ordinary AWS tools talk to this engine."""
        return os.environ | {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@contextmanager
def running_engine(data: Path, *options: str) -> Iterator[Engine]:
    """An engine on a free port, ended with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "local", "--port", "0", "--data", str(data), *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        first_line = process.stdout.readline()
        assert first_line.startswith("local: AWS at http"), f"local/ did not start, it said {first_line!r}"
        yield Engine(first_line.split()[-1], data, process)
    finally:
        process.terminate()
        process.wait(30)
