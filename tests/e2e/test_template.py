"""The CloudFormation template that the deployment sends is one that AWS would take."""

import json
import subprocess
import sys
from pathlib import Path

from tests.alexa import SKILL_ID
from tests.e2e.stack import run_serverless
from tests.engine import Engine

CFN_LINT = Path(sys.executable).with_name("cfn-lint")
# cfn-lint's schema of a state machine knows numbers alone here. In JSONata an expression may stand for one:
# https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html
TIMEOUT = '"TimeoutSeconds": "{% $plan.approval.seconds %}"'
# Deploy parameters that name resources of the user's own, from which statements are made.
OWN = {
    "kmsKeys": "arn:aws:kms:us-east-1:123456789012:key/1234abcd,arn:aws:kms:us-east-1:999999999999:key/mrk-5678",
    "asyncTopics": "arn:aws:sns:us-east-1:123456789012:answers",
    "codecommitRepositories": "images,models",
}


def lint(template: Path) -> "subprocess.CompletedProcess[str]":
    """cfn-lint on a template; every finding, be it for information alone, makes its exit code."""
    command = [str(CFN_LINT), "--non-zero-exit-code", "informational", "--regions", "us-east-1", "--", str(template)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_template_has_no_fault(engine: Engine, tmp_path: Path) -> None:
    given = [f"--param={name}={value}" for name, value in {"alexaSkillId": SKILL_ID, **OWN}.items()]
    packaged = run_serverless(engine, "package", "--package", str(tmp_path), *given)
    assert packaged.returncode == 0, packaged.stdout + packaged.stderr
    template = tmp_path / "cloudformation-template-update-stack.json"
    assert json.loads(template.read_text())["Parameters"]["AlexaSkillId"]["Default"] == SKILL_ID
    assert template.read_text().count(TIMEOUT) == 1
    sources = json.loads(template.read_text())["Resources"]["CloneSourcesPolicy"]["Properties"]["PolicyDocument"]
    assert [arn["Fn::Sub"].rpartition(":")[2] for arn in sources["Statement"][0]["Resource"]] == ["images", "models"]
    template.write_text(template.read_text().replace(TIMEOUT, '"TimeoutSeconds": 86400'))
    linted = lint(template)
    assert (linted.returncode, linted.stdout) == (0, ""), linted.stderr


def test_a_fault_would_be_found(tmp_path: Path) -> None:
    template = tmp_path / "template.json"
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": "soon"}}
    template.write_text(json.dumps({"Resources": {"LaunchQueue": queue}}))
    linted = lint(template)
    assert linted.returncode != 0
    assert "'soon' is not of type 'integer'" in linted.stdout
