"""Independent tools find nothing in our templates and in those of pipelines/ but what allowed_findings.yml explains."""

import json
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.contract.resolved import Resolver
from tests.contract.variants import EVERYTHING, VARIANTS, compile_variants
from tests.engine import ROOT

LINT_PYTHON = ROOT / ".venv" / ".lint" / "bin" / "python"
# The variant with all resources and parameters is checked for one region of each partition.
REGIONS = {"everything": ("us-east-1", "cn-north-1", "us-gov-west-1")}
# CloudFormation replaces the placeholder. cfn-lint's schema of a state machine knows the commercial partition alone.
STATES_RESOURCE = ('"Resource": "arn:${Partition}:states:::', '"Resource": "arn:aws:states:::')

# The values that sagebuild gives to the parameters of pipelines/*/resources.yml, for the tools that need values.
VALUES = {
    "CodeBucket": "sagebuild-dev-code",
    "DataBucket": "sagebuild-dev-data",
    "EndpointName": "sagebuild-dev-fraud",
    "ModelBucket": "sagebuild-dev-model",
    "PipelineFolder": "fraud/",
    "PipelineName": "fraud",
    "SourceArchive": "fraud/source.tar.gz",
    "StackName": "sagebuild-dev",
    "TrainingImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/image:1",
}
PIPELINES = {f"pipeline-{path.parent.name}": path for path in sorted(ROOT.glob("pipelines/*/resources.yml"))}

# A template with one fault for each tool, checked together with the variants.
FAULTY = {
    "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": "soon"}},
    "Bucket": {"Type": "AWS::S3::Bucket"},
    "Policy": {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "s3:GetObjects", "Resource": "arn:aws:s3:::data/*"}],
            }
        },
    },
}
FAULTS = {
    "cfn-lint": ("E3012", "Queue", "'soon' is not of type 'integer'"),
    "parliament": ("UNKNOWN_ACTION", "Policy", "Unknown action s3:GetObjects"),
    "checkov": ("CKV_AWS_53", "Bucket", "Ensure S3 bucket has block public ACLs enabled"),
}


class Finding(NamedTuple):
    """What a tool reports of a resource; the name is empty for the whole template."""

    variant: str
    rule: str
    resource: str
    message: str


class Allowed(NamedTuple):
    """Findings that are no fault; ``resource`` is a name with ``*`` for any characters."""

    rule: str
    resource: str
    message: str

    def covers(self, finding: Finding) -> bool:
        fits = finding.rule == self.rule and self.message in finding.message
        return fits and fnmatch(finding.resource, self.resource)


def read_allowed() -> dict[str, list[dict[str, Any]]]:
    return yaml.safe_load((ROOT / "tests/contract/allowed_findings.yml").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The templates of the variants and of the pipelines, and the faulty one."""
    folder = compile_variants(tmp_path_factory)
    own = tmp_path_factory.mktemp("templates")
    for name in VARIANTS:
        text = (folder / f"{name}.json").read_text(encoding="utf-8")
        assert text.count(STATES_RESOURCE[0]) > 20
        (own / f"{name}.json").write_text(text.replace(*STATES_RESOURCE), encoding="utf-8")
    for name, path in PIPELINES.items():
        template = yaml.safe_load(path.read_text(encoding="utf-8"))
        text = json.dumps(template | {"AWSTemplateFormatVersion": "2010-09-09"})
        (own / f"{name}.json").write_text(text.replace(*STATES_RESOURCE), encoding="utf-8")
    (own / "faulty.json").write_text(json.dumps({"Resources": FAULTY}), encoding="utf-8")
    return [own / f"{name}.json" for name in (*VARIANTS, *PIPELINES, "faulty")]


def run_cfn_lint(templates: list[Path]) -> set[Finding]:
    """All rules of cfn-lint, on the templates as they are deployed."""
    everywhere = [each for each in templates if each.stem in REGIONS]
    found = _run_cfn_lint([each for each in templates if each not in everywhere], "us-east-1")
    return found.union(*(_run_cfn_lint([each], *REGIONS[each.stem]) for each in everywhere))


def _run_cfn_lint(templates: list[Path], *regions: str) -> set[Finding]:
    options = ["--format", "json", "--include-checks", "I", "--include-experimental", "--regions", *regions]
    command = [str(Path(sys.executable).with_name("cfn-lint")), *options, "--", *map(str, templates)]
    linted = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert not linted.stderr, linted.stderr
    return {
        Finding(Path(one["Filename"]).stem, one["Rule"]["Id"], _find_resource(one["Location"]["Path"]), one["Message"])
        for one in json.loads(linted.stdout)
    }


def _find_resource(path: list[Any] | None) -> str:
    return str(path[1]) if path and path[0] == "Resources" else ""


def run_on_resolved(tool: str, templates: list[Path]) -> set[Finding]:
    """A tool of .venv/.lint, on the resources and policies that CloudFormation creates from the templates."""
    assert LINT_PYTHON.exists(), f"{LINT_PYTHON} is missing; make check installs it"
    folder = templates[0].parent / tool
    folder.mkdir()
    for template in templates:
        content = json.loads(template.read_text(encoding="utf-8"))
        if template.stem in PIPELINES:
            for name, parameter in content["Parameters"].items():
                parameter.setdefault("Default", VALUES.get(name))
        resolved = Resolver(content).resolve()
        (folder / template.name).write_text(json.dumps(resolved), encoding="utf-8")
    paths = [str(folder / template.name) for template in templates]
    command = [str(LINT_PYTHON), str(ROOT / "tests" / "contract" / "lint_templates.py"), tool, *paths]
    linted = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert linted.returncode == 0, linted.stderr
    return {Finding(**one) for one in json.loads(linted.stdout)}


@pytest.mark.parametrize("tool", ["cfn-lint", "parliament", "checkov"])
def test_a_tool_finds_only_what_has_a_reason(tool: str, templates: list[Path]) -> None:
    found = run_cfn_lint(templates) if tool == "cfn-lint" else run_on_resolved(tool, templates)
    assert Finding("faulty", *FAULTS[tool]) in found
    found = {one for one in found if one.variant != "faulty"}
    entries = read_allowed()[tool]
    allowed = [Allowed(each["rule"], name, each.get("message", "")) for each in entries for name in each["resources"]]
    without_reason = sorted(one for one in found if not any(each.covers(one) for each in allowed))
    assert without_reason == []
    out_of_date = [each for each in allowed if not any(each.covers(one) for one in found)]
    assert out_of_date == []


def test_every_allowed_finding_has_a_reason_of_one_sentence() -> None:
    entries = [each for entries in read_allowed().values() for each in entries]
    assert all(each.keys() <= {"rule", "resources", "message", "reason"} for each in entries)
    assert [each for each in entries if not each["reason"].strip().endswith(".") or len(each["reason"]) < 30] == []


def test_everything_sets_each_deploy_parameter_to_another_value() -> None:
    service = yaml.safe_load((ROOT / "serverless.yml").read_text(encoding="utf-8"))
    defaults: dict[str, str] = service["params"]["default"]
    assert EVERYTHING.keys() == defaults.keys()
    assert [name for name, value in defaults.items() if EVERYTHING[name] == value] == []
