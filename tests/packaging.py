"""Packages the service without AWS, for the tests that read its CloudFormation template."""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engine import ROOT


@contextmanager
def use_folder_alone() -> Iterator[None]:
    """serverless packs into a folder beside serverless.yml; tests of another process have to wait."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def package(target: Path, *options: str, **parameters: str) -> "subprocess.CompletedProcess[str]":
    """``npx serverless package`` with neither credentials nor a network."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    # botocore and the AWS SDK for JavaScript would ask the metadata service of EC2 for credentials.
    environment |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED": "true"}
    environment |= {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "HOME": str(target.parent)}
    environment |= {"SLS_SCHEMA_CACHE_BASE_DIR": str(Path.home())}  # osls keeps its compiled schema of serverless.yml
    given = [f"--param={name}={value}" for name, value in parameters.items()]
    command = [
        str(ROOT / "node_modules" / ".bin" / "serverless"),
        "package",
        "--package",
        str(target),
        *options,
        *given,
    ]
    with use_folder_alone():
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


def read_template(folder: Path) -> str:
    return (folder / "cloudformation-template-update-stack.json").read_text(encoding="utf-8")
