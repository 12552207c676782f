"""Completes the packaged template for a stack: its name, its deploy parameters, and the place of the archives."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sagebuild.deployment.bucket_access import LISTS, ROLES, describe_access
from sagebuild.deployment.release import STAGE, Release, name_parameter

SERVICE = "sagebuild"
_FRAMEWORK = "FRAMEWORK"
_SETTING = "BUCKET_ACCESS"
# The policies of resources/buckets.yml, and the statements of each.
_STATEMENTS = {
    "ReadBucketsPolicy": "readStatements",
    "ListBucketsPolicy": "listStatements",
    "ReadVersionsPolicy": "versionStatements",
    "WriteBucketsPolicy": "writeStatements",
}


def complete_template(release: Release, stage: str, parameters: Mapping[str, str], folder: str) -> dict[str, Any]:
    """Return the template that serverless would deploy with these deploy parameters.

    Parameters
    ----------
    stage
        The stack is called sagebuild-STAGE.
    folder
        The folder of the archives in the deployment bucket.
    """
    template: dict[str, Any] = json.loads(_name(json.dumps(release.template), stage, folder))
    for name, parameter in template["Parameters"].items():
        parameter["Default"] = parameters[name_parameter(name)]
    resources, outputs = template["Resources"], template["Outputs"]
    access = describe_access(
        {name: parameters[name] for name in LISTS},
        {role: resources[role]["Properties"]["Policies"] for role in ROLES},
    )
    for name, statements in _STATEMENTS.items():
        resources[name]["Properties"]["PolicyDocument"]["Statement"] = access[statements]
    (clone,) = resources["CloneSourcesPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    clone["Resource"] = _list_repositories(parameters)
    outputs["BucketAccess"]["Value"] = access["setting"]
    outputs["Framework"]["Value"] = resources["ParameterDocument"]["Properties"]["Framework"] = parameters["framework"]
    for resource in resources.values():
        variables = resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
        if _FRAMEWORK in variables:
            variables[_FRAMEWORK] = parameters["framework"]
        if _SETTING in variables:
            variables[_SETTING] = access["setting"]
    return template


def complete_creation(release: Release, stage: str) -> dict[str, Any]:
    """Return the template that creates the stack with its deployment bucket alone."""
    return json.loads(_name(json.dumps(release.creation), stage, ""))  # type: ignore[no-any-return]


def name_stack(stage: str) -> str:
    """Return the name of a stage's stack."""
    return f"{SERVICE}-{stage}"


def _name(text: str, stage: str, folder: str) -> str:
    """Put the stage into names and logical ids, and the folder into the archives' keys, as serverless does."""
    text = re.sub(rf"serverless/{SERVICE}/{STAGE}/[^/\"]+", lambda _: folder, text)
    text = text.replace(f"{SERVICE}-{STAGE}", name_stack(stage))
    return text.replace(f"{SERVICE.title()}{STAGE}", f"{SERVICE.title()}{re.sub('[^0-9A-Za-z]', '', stage)}")


def _list_repositories(parameters: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the ARNs of the CodeCommit repositories, as tools/codecommit-access.cjs does."""
    names = f"{parameters['codecommitRepository']},{parameters['codecommitRepositories']}".split(",")
    arn = "arn:${AWS::Partition}:codecommit:${AWS::Region}:${AWS::AccountId}:"
    return [{"Fn::Sub": f"{arn}{name}"} for name in dict.fromkeys(names) if re.fullmatch(r"[\w.-]+", name, re.ASCII)]
