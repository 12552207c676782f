"""Checks the parameters of a deployment before anything is packaged or uploaded.

The forms of single values are those of the template's parameters, which CloudFormation checks once more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import botocore

from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.names import MAX_STACK
from sagebuild.partitions import find_partition

Rules = Mapping[str, Mapping[str, Any]]
# Services that every stack needs, by their names in botocore's endpoints.json.
NEEDED = {
    "api.ecr": "ECR",
    "api.sagemaker": "SageMaker",
    "application-autoscaling": "Application Auto Scaling",
    "codebuild": "CodeBuild",
    "dynamodb": "DynamoDB",
    "events": "EventBridge",
    "lambda": "Lambda",
    "scheduler": "EventBridge Scheduler",
    "sns": "SNS",
    "sqs": "SQS",
    "states": "Step Functions",
}
# https://developer.amazon.com/docs/custom-skills/host-a-custom-skill-as-an-aws-lambda-function.html
ALEXA_REGIONS = ("ap-northeast-1", "eu-west-1", "us-east-1", "us-west-2")
# Parameters that switch others on: without the first one, the others have no effect.
DEPENDENT = {
    "uploadTrigger": ("uploadPrefix", "uploadSuffix"),
    "codecommitRepository": ("codecommitBranch",),
    "githubRepository": ("githubBranch", "githubOwnerId", "githubRepositoryId"),
    "notebookInstanceType": ("notebookRepository",),
    "promoteFrom": ("promoteFromAccount",),
}
ARNS = (
    "trainingConfigFunction",
    "modelConfigFunction",
    "endpointConfigFunction",
    "preprocessStateMachine",
    "postprocessStateMachine",
    "triggerTopic",
    "triggerAlarm",
    "permissionsBoundary",
    "kmsKeys",
    "asyncTopics",
    "webhookSecret",
)
# Regions where CloudFormation has no AWS::SageMaker::NotebookInstance: the resource schemas that cfn-lint ships.
NO_NOTEBOOKS = ("me-central-1", "us-gov-east-1")
# Regions where it has no AWS::Events::Connection and no AWS::Events::ApiDestination, by the same source.
NO_WEBHOOKS = ("ap-southeast-5", "ap-southeast-6", "il-central-1", "us-gov-east-1", "us-gov-west-1")
NAMED_BY_RECEIVERS = "[a-z][a-z0-9-]{0,36}"  # the form of promoteFrom
OFF = ("", "false")
MOST_UNKNOWN = 20  # names that are compared with the known ones
SHOWN = 100  # characters of a value in a sentence


class Deployment(NamedTuple):
    """What is deployed, and where."""

    region: str
    stack: str
    parameters: dict[str, str]
    given: frozenset[str]

    @classmethod
    def read(cls, text: str) -> Deployment:
        """Read a deployment from JSON; YAML's booleans and numbers become the texts that the template gets."""
        content = json.loads(text)
        parameters = {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in content["parameters"].items()
        }
        return cls(content["region"], content["stack"], parameters, frozenset(content["given"]))


def find_problems(deployment: Deployment, known: Iterable[str], rules: Rules) -> list[str]:
    """Return a sentence for each problem; a value whose form is wrong has only the sentence about its form.

    Parameters
    ----------
    known
        The names of all deploy parameters.
    rules
        The template's parameter for each deploy parameter that is one of CloudFormation.
    """
    wrong = {name: sentence for name, sentence in _check_forms(deployment, rules)}
    rest = deployment._replace(parameters={k: v for k, v in deployment.parameters.items() if k not in wrong})
    return [
        *_check_names(deployment),
        *_check_region(deployment),
        *_check_unknown(deployment, frozenset(known)),
        *wrong.values(),
        *_check_dependent(deployment),
        *_check_github_ids(rest),
        *_check_arns(rest),
        *_check_alexa(rest),
        *_check_codecommit(rest),
        *_check_notebook(rest),
        *_check_promotion(rest),
        *_check_webhook(rest),
    ]


def _check_names(deployment: Deployment) -> Iterator[str]:
    """Check the stack's name, which SageMaker's resources, functions and the schedule group have in theirs."""
    stack = deployment.stack
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html has the strictest pattern.
    if not re.fullmatch("[a-zA-Z](-?[a-zA-Z0-9])*", stack):
        yield (
            f"The stack's name is {quote(stack)}; it must begin with a letter and have letters, digits and single "
            "hyphens, so choose another --stage."
        )
    if len(stack) > MAX_STACK:
        yield (
            f"The stack's name {stack} has {len(stack)} characters; it must have at most {MAX_STACK}, because the "
            "names of its jobs and functions contain it, so choose a shorter --stage."
        )


def _check_promotion(deployment: Deployment) -> Iterator[str]:
    given, stack = deployment.parameters, deployment.stack
    if given.get("promoteFrom") == stack and not given.get("promoteFromAccount"):
        yield (
            f"promoteFrom is {stack}, the stack itself, whose models are deployed there anyway; name another stack, or "
            "leave it out. For the stack of this name in another account, give promoteFromAccount, too."
        )
    # As for promoteFrom. With a region, it is in the name of the role that the other account assumes.
    if given.get("promoteTo") and not re.fullmatch(NAMED_BY_RECEIVERS, stack):
        yield (
            f"promoteTo is set, and the stack's name is {quote(stack)}; a stack that promotes to another account must "
            "have a name in lower case of at most 37 characters, so choose another --stage."
        )


def _check_region(deployment: Deployment) -> Iterator[str]:
    region, known = deployment.region, list_regions("cloudformation")
    if region not in known:
        meant = _suggest(region, known)
        yield f"The region {region} is unknown{meant}; pass an AWS region with --region."
        return
    missing = [title for name, title in NEEDED.items() if region not in list_regions(name)]
    if missing:
        yield f"The region {region} has no {' and no '.join(missing)}; choose another --region."


def _check_unknown(deployment: Deployment, known: frozenset[str]) -> Iterator[str]:
    """Check that the parameters exist; serverless ignores others."""
    unknown = sorted(deployment.parameters.keys() - known)
    for name in unknown[:MOST_UNKNOWN]:
        yield f"There is no deploy parameter {name}{_suggest(name, known)}; serverless.yml lists all of them."
    if len(unknown) > MOST_UNKNOWN:
        yield f"There are {len(unknown)} unknown deploy parameters in all."


def _check_forms(deployment: Deployment, rules: Rules) -> Iterator[tuple[str, str]]:
    for name, value in deployment.parameters.items():
        rule = rules.get(name, {})
        if allowed := rule.get("AllowedValues"):
            if value not in allowed:
                yield name, f"{name} is {quote(value)}; it must be {' or '.join(allowed)}."
        elif len(value) > rule.get("MaxLength", len(value)) or not re.fullmatch(
            rule.get("AllowedPattern", "(?s).*"), value, re.ASCII
        ):
            yield name, f"{name} is {quote(value)}; it must be {rule['ConstraintDescription']}."
        elif problem := _check_meaning(name, value):
            yield name, problem


def _check_meaning(name: str, value: str) -> str:
    """Return a sentence about a value whose form no pattern describes; empty if it is right."""
    if name == "framework" and value.strip().upper() not in FRAMEWORKS:
        return f"framework is {quote(value)}; it must be one of {', '.join(FRAMEWORKS)}."
    if name == "schedule" and value:
        from sagebuild.parameters.schedule_kinds import ScheduleExpression  # takes a second to import

        try:
            read = ScheduleExpression().read(value)
        except ValueError as error:
            return f"schedule {str(error) or f'is {quote(value)}; it must be {ScheduleExpression.allowed}'}."
        if read != value:
            return f"schedule is {quote(value)}; EventBridge needs the exact form {read}."
    return ""


def _check_dependent(deployment: Deployment) -> Iterator[str]:
    for switch, names in DEPENDENT.items():
        if deployment.parameters.get(switch, "") in OFF:
            for name in names:
                if name in deployment.given:
                    yield f"{name} has no effect without {switch}; set {switch}, or leave out {name}."


def _check_github_ids(deployment: Deployment) -> Iterator[str]:
    ids = ("githubOwnerId", "githubRepositoryId")
    given = [name for name in ids if deployment.parameters.get(name)]
    if len(given) == 1:
        (other,) = set(ids) - set(given)
        repository = deployment.parameters.get("githubRepository") or "OWNER/NAME"
        yield f"{given[0]} needs {other}; gh api repos/{repository} --jq .owner.id,.id prints both ids."


def _check_arns(deployment: Deployment) -> Iterator[str]:
    """Check that the user's own resources are in the stack's partition and region."""
    region, partition = deployment.region, find_partition(deployment.region).name
    for name in ARNS:
        for arn in filter(lambda text: text.startswith("arn:"), deployment.parameters.get(name, "").split(",")):
            where = arn.split(":")
            if where[1] != partition:
                yield f"{name} is in the partition {where[1]}; the stack's region {region} is in {partition}."
            elif where[3] not in ("", region):
                yield f"{name} is in the region {where[3]}; it must be in the stack's region, {region}."


def _check_alexa(deployment: Deployment) -> Iterator[str]:
    if deployment.parameters.get("alexaSkillId") and deployment.region not in ALEXA_REGIONS:
        yield (
            f"alexaSkillId is set, but Alexa cannot call functions in {deployment.region}; deploy to one of "
            f"{', '.join(ALEXA_REGIONS)}, or leave out alexaSkillId."
        )


def _check_codecommit(deployment: Deployment) -> Iterator[str]:
    region = deployment.region
    for name in ("codecommitRepository", "codecommitRepositories"):
        if deployment.parameters.get(name) and region not in list_regions("codecommit"):
            yield f"{name} is set, but the region {region} has no CodeCommit."


def _check_notebook(deployment: Deployment) -> Iterator[str]:
    if not deployment.parameters.get("notebookInstanceType"):
        return
    if deployment.parameters.get("notebookRepository") == "":
        yield (
            "notebookInstanceType needs notebookRepository, the https address of the git repository whose client and "
            "notebooks the instance installs."
        )
    if deployment.region in NO_NOTEBOOKS:
        yield f"notebookInstanceType is set, but CloudFormation has no notebook instances in {deployment.region}."


def _check_webhook(deployment: Deployment) -> Iterator[str]:
    if deployment.parameters.get("webhookSecret") and deployment.region in NO_WEBHOOKS:
        yield (
            f"webhookSecret is set, but CloudFormation has no API destinations in {deployment.region}; use "
            "chatTopic, or a rule of your own for the events of docs/events.md."
        )


def quote(value: str) -> str:
    """Return a value as JSON, shortened."""
    return json.dumps(value if len(value) <= SHOWN else f"{value[:SHOWN]}...", ensure_ascii=False)


def _suggest(name: str, known: frozenset[str]) -> str:
    meant = get_close_matches(name, sorted(known), 1)
    return f", did you mean {meant[0]}" if meant else ""


@cache
def list_regions(service: str) -> frozenset[str]:
    """Return the regions of all partitions in which botocore knows a service."""
    found: set[str] = set()
    for partition in _read_partitions():
        endpoints = partition["services"].get(service, {"endpoints": {}})["endpoints"]
        found |= endpoints.keys() & partition["regions"].keys()  # without endpoints such as us-east-1-fips
    return frozenset(found)


@cache
def _read_partitions() -> list[dict[str, Any]]:
    # botocore's own session reads the same file, and takes a second to import.
    path = Path(botocore.__file__).parent / "data" / "endpoints.json"
    return json.loads(path.read_text(encoding="utf-8"))["partitions"]  # type: ignore[no-any-return]
