"""Runs parliament or checkov on resolved templates, with the Python of .venv/.lint, and prints the findings as JSON.

Use: .venv/.lint/bin/python tests/contract/lint_templates.py parliament|checkov TEMPLATE...
"""

import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Finding = dict[str, str]


def run_checkov(paths: list[str]) -> Iterator[Finding]:
    """Yield the failed checks; checkov's own command would import all its frameworks, which takes longer."""
    from checkov.cloudformation.runner import Runner
    from checkov.runner_filter import RunnerFilter

    report = Runner().run(root_folder=None, files=paths, runner_filter=RunnerFilter(framework=["cloudformation"]))
    assert not report.parsing_errors, report.parsing_errors
    for failed in report.failed_checks:
        name = failed.resource.rpartition(".")[2]
        yield _describe(failed.file_path, failed.check_id, name, failed.check_name)


def run_parliament(paths: list[str]) -> Iterator[Finding]:
    """Yield the findings of all policies, also of its community's auditors."""
    warnings.simplefilter("ignore")  # it uses an outdated interface of setuptools
    from parliament import analyze_policy_string

    for path in paths:
        for name, policy in _list_policies(json.loads(Path(path).read_text(encoding="utf-8"))["Resources"]):
            analyzed = analyze_policy_string(json.dumps(policy), include_community_auditors=True)
            for found in analyzed.findings:
                detail = f"{found.detail or ''} {found.location.get('actions', '')}".strip()
                yield _describe(path, found.issue, name, detail)


def _list_policies(resources: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::Role":
            yield name, _with_resource(properties["AssumeRolePolicyDocument"])
            yield from ((name, each["PolicyDocument"]) for each in properties.get("Policies", []))
        elif "PolicyDocument" in properties:
            yield name, properties["PolicyDocument"]


def _with_resource(trust: dict[str, Any]) -> dict[str, Any]:
    """A trust policy's resource is its role; parliament requires one in each statement."""
    role = "arn:aws:iam::123456789012:role/role"
    return {**trust, "Statement": [{**statement, "Resource": role} for statement in trust["Statement"]]}


def _describe(path: str, rule: str, resource: str, message: str) -> Finding:
    return {"variant": Path(path).stem, "rule": rule, "resource": resource, "message": message}


if __name__ == "__main__":
    run = {"checkov": run_checkov, "parliament": run_parliament}[sys.argv[1]]
    print(json.dumps(list(run(sys.argv[2:]))))
