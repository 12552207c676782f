"""Starts local/ as a person would, in a process of its own, for the tests that need an AWS."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3

from sagebuild.child_process import running

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Engine:
    """A running local/: its address, its folder and its process, and who uses it from other processes."""

    endpoint_url: str
    data: Path
    process: "subprocess.Popen[str]"
    owner: str  # the access key of the account's owner
    access_key: str  # of the tools in a process of their own
    region: str = "us-east-1"

    def client(self, service: str, region: str = "") -> Any:
        """A boto3 client of this engine, as the account's owner; the same one for everybody who asks."""
        return _make_client(self.endpoint_url, service, region or self.region, self.owner)

    def in_account(self, account: str) -> "Engine":
        """The same engine, used by the owner of another account."""
        owner = f"{self.owner.partition('_')[0]}_{account}"
        return replace(self, access_key=owner, owner=owner)

    @contextmanager
    def faults(self, *described: dict[str, Any]) -> Iterator[None]:
        """These faults, for as long as the block takes."""
        self.put_faults(*described)
        try:
            yield
        finally:
            self._ask_for_faults("DELETE")

    def put_faults(self, *described: dict[str, Any]) -> None:
        """These faults from now on, instead of any others."""
        self._ask_for_faults("PUT", json.dumps(described).encode())

    def read_faults(self) -> list[dict[str, Any]]:
        """The faults that are asked for, with how often each has struck."""
        return json.loads(self._ask_for_faults("GET"))  # type: ignore[no-any-return]

    def _ask_for_faults(self, method: str, body: bytes | None = None) -> bytes:
        return self.ask("faults", method, body)

    def ask(self, page: str, method: str = "GET", body: bytes | None = None) -> bytes:
        """The answer of one of the engine's own pages."""
        headers = {"X-Local": self.owner}
        with urlopen(Request(f"{self.endpoint_url}/_local/{page}", body, headers, method=method)) as answer:
            return answer.read()  # type: ignore[no-any-return]

    def read_audit(self) -> dict[str, Any]:
        """The calls of all roles, and the permissions that none has used."""
        return json.loads(self.ask("audit"))  # type: ignore[no-any-return]

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which ordinary AWS tools talk to this engine."""
        return os.environ | {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }


@cache
def _make_client(endpoint_url: str, service: str, region: str, access_key: str) -> Any:
    # Making one takes longer than most tests wait for something, which they look for with it again and again.
    session: Any = boto3.session.Session()
    return session.client(
        service,
        region_name=region,
        endpoint_url=endpoint_url,
        aws_access_key_id=access_key,
        aws_secret_access_key="local",
    )


@contextmanager
def running_engine(data: Path, *options: str, enforces_iam: bool = True) -> Iterator[Engine]:
    """An engine on a free port, ended with the block; it refuses what IAM denies unless it only records that."""
    enforcing = ("--enforce-iam",) if enforces_iam else ()
    command = [sys.executable, "-m", "local", "--port", "0", "--data", str(data), *enforcing, *options]
    environment = os.environ | {"PYTHONFAULTHANDLER": "1"}
    with running(command, cwd=ROOT, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        first_line = process.stdout.readline()
        assert first_line.startswith("local: AWS at http"), f"local/ did not start, it said {first_line!r}"
        region = options[options.index("--region") + 1] if "--region" in options else Engine.region
        key = (data / "access_key").read_text()
        yield Engine(first_line.split()[-1], data, process, key, key, region)
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # faulthandler prints what each thread does
            process.wait(30)
            raise
