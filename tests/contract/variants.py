"""The variants of the template that independent tools check, compiled once for all tests of a session."""

import fcntl
import json
import os
from pathlib import Path

import pytest

from tests.alexa import SKILL_ID
from tests.packaging import package, read_template

ACCOUNT = "123456789012"

# Each deploy parameter with another value than its default.
EVERYTHING = {
    "framework": "PYTORCH",
    "alexaSkillId": SKILL_ID,
    "notificationEmail": "you@example.com",
    "chatTopic": "true",
    "webhookSecret": "team/build-messages",
    "dashboard": "builds",
    "overridesMayLoosen": "true",
    "permissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/limit",
    "vpcAccess": "true",
    "readBuckets": "s3://my-lake/iris/,s3://my-models",
    "writeBuckets": "s3://my-results/answers/",
    "trainingPolicies": f"arn:aws:iam::{ACCOUNT}:policy/training",
    "hostingPolicies": f"arn:aws:iam::{ACCOUNT}:policy/hosting",
    "trainingConfigFunction": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:training",
    "modelConfigFunction": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:model",
    "endpointConfigFunction": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:endpoint",
    "preprocessStateMachine": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:preprocess",
    "postprocessStateMachine": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:postprocess",
    "uploadTrigger": "true",
    "uploadPrefix": "in/",
    "uploadSuffix": ".csv",
    "codecommitRepository": "house-prices",
    "codecommitBranch": "release/*",
    "githubRepository": "octo/house-prices",
    "githubBranch": "release",
    "githubOwnerId": "123",
    "githubRepositoryId": "456",
    "schedule": "rate(7 days)",
    "triggerTopic": f"arn:aws:sns:us-east-1:{ACCOUNT}:data",
    "triggerAlarm": "drift",
    "promoteFrom": "sagebuild-staging",
    "promoteFromAccount": "111122223333",
    "promoteTo": "444455556666",
    "kmsKeys": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "asyncTopics": f"arn:aws:sns:us-east-1:{ACCOUNT}:answers",
    "codecommitRepositories": "images,models",
    "notebookInstanceType": "ml.t3.medium",
    "notebookRepository": "https://example.com/owner/sagebuild.git",
}
VARIANTS: dict[str, dict[str, str]] = {
    "defaults": {},
    "everything": EVERYTHING,
    "vpc": {name: EVERYTHING[name] for name in ("vpcAccess", "kmsKeys", "promoteFrom")},
}


def compile_variants(factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the template of each variant, as NAME.json.

    The processes of pytest-xdist share it: the first one compiles the templates, and the others wait for it.
    """
    root = factory.getbasetemp()
    folder = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "templates"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name, parameters in VARIANTS.items():
            if not (folder / f"{name}.json").exists():
                packaged = package(folder / name, "--region", "us-east-1", **parameters)
                assert packaged.returncode == 0, packaged.stdout + packaged.stderr
                (folder / f"{name}.json").write_text(read_template(folder / name), encoding="utf-8")
    assert json.loads((folder / "everything.json").read_text())["Parameters"]["AlexaSkillId"]["Default"] == SKILL_ID
    return folder
