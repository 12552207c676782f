"""Checks that a build can succeed, and says what to do where it cannot."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sagebuild.client.aws_errors import translate_error
from sagebuild.client.diagnosis import Diagnosis, Finding
from sagebuild.client.examination import CreateClient, Examination
from sagebuild.client.github_trust import describe_trust
from sagebuild.client.new_account import examine_new_account
from sagebuild.cost.estimate import estimate_cost
from sagebuild.cost.spent import format_cost
from sagebuild.errors import ParameterError, SagebuildError
from sagebuild.images.byod import list_images_to_build
from sagebuild.names import name_endpoint
from sagebuild.parameters.store import name_document
from sagebuild.plan.access import examine_access
from sagebuild.plan.codebuild_quotas import examine_codebuild_quotas
from sagebuild.plan.deployment import examine_deployment, examine_scaling
from sagebuild.plan.findings import Findings
from sagebuild.plan.grants import examine_repository, examine_topics
from sagebuild.plan.keys import examine_keys
from sagebuild.plan.outputs import examine_outputs
from sagebuild.plan.preflight import examine_account, examine_images, examine_inputs, examine_quotas
from sagebuild.plan.quotas import count_needs
from sagebuild.plan.steps import examine_steps
from sagebuild.plan.transform import examine_transform
from sagebuild.service import Service
from sagebuild.steps.gate import find_gate_problems

# The checks that concern the next build itself.
BUILD_CHECKS = ("parameters", "images", "data", "access", "account", "requests", "quotas")


def diagnose(service: Service, create_client: CreateClient) -> Diagnosis:
    """Check everything that a build needs; this changes nothing and costs nothing."""
    return run_checks(Examination(service, create_client), _CHECKS)


def check_next_build(service: Service, create_client: CreateClient, overrides: Mapping[str, Any]) -> Diagnosis:
    """Run the checks of `BUILD_CHECKS`.

    Parameters
    ----------
    overrides
        Parameters for the next build only, as `sagebuild.client.launch_requests.build_overrides` gives them.
    """
    examined = Examination(service, create_client, json.dumps(overrides) if overrides else "")
    return run_checks(examined, BUILD_CHECKS)


def run_checks(examined: Examination, subjects: Iterable[str]) -> Diagnosis:
    """Run the checks of these subjects."""
    findings: list[Finding] = []
    for subject in subjects:
        try:
            results = list(_CHECKS[subject](examined))
        except SagebuildError as error:
            results = [("error" if isinstance(error, ParameterError) else "unknown", str(error))]
        except (ClientError, BotoCoreError) as error:
            results = [("unknown", str(translate_error(error) or error))]
        findings += [Finding(subject, state, text) for state, text in results]
    return Diagnosis(findings)


Results = Iterator[tuple[str, str]]


def _check_credentials(examined: Examination) -> Results:
    yield "ok", examined.create_client("sts").get_caller_identity()["Arn"]


def _check_stack(examined: Examination) -> Results:
    service = examined.service
    stack = examined.create_client("cloudformation").describe_stacks(StackName=service.stack_name)["Stacks"][0]
    status: str = stack["StackStatus"]
    where = f"{service.stack_name} in {service.region}: {status}"
    if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        yield "ok", where
    elif status.endswith("_IN_PROGRESS"):
        yield "error", f"{where}; wait until CloudFormation is done."
    else:
        yield "error", f"{where}; check its events in CloudFormation, then deploy again: npx serverless deploy."


def _check_roles(examined: Examination) -> Results:
    roles = list(_list_resources(examined, "AWS::IAM::Role"))
    iam = examined.create_client("iam")
    problems = []
    for role in roles:
        try:
            iam.get_role(RoleName=role)
            if not iam.list_role_policies(RoleName=role)["PolicyNames"]:
                problems.append(f"{role} has no policies")
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchEntity":
                raise
            problems.append(f"{role} does not exist")
    if problems:
        yield "error", f"{', '.join(problems)}; deploy again with --force: npx serverless deploy --force."
    else:
        yield "ok", f"all {len(roles)} exist"


def _check_github(examined: Examination) -> Results:
    for role in _list_resources(examined, "AWS::IAM::Role", "GithubRole"):
        described = examined.create_client("iam").get_role(RoleName=role)["Role"]
        yield from describe_trust(described["AssumeRolePolicyDocument"])


def _check_parameters(examined: Examination) -> Results:
    name, framework = name_document(examined.service), examined.context.parameters.framework
    yield "ok", f"{name}: valid, for framework {framework}"


def _check_images(examined: Examination) -> Results:
    parameters, requests = examined.context.parameters, examined.requests
    addresses: dict[str, list[str]] = {}
    for scope, uri in requests.images.items():
        built = ", which the build creates" if scope in list_images_to_build(parameters) else ""
        addresses.setdefault(f"{uri}{built}", []).append(scope)
    yield from (("ok", f"{' and '.join(scopes)}: {image}") for image, scopes in addresses.items())
    findings = Findings()
    examine_images(examined.context, findings)
    yield from (("error", problem) for problem in findings.problems)


def _check_data(examined: Examination) -> Results:
    findings, training = Findings(), examined.requests.training
    artifacts = training.artifacts if training else None
    examine_inputs(examined.context, artifacts, findings)
    examine_steps(examined.context, findings)
    examine_transform(examined.context, findings)
    examine_outputs(examined.context, findings)
    findings.problems += find_gate_problems(examined.context, artifacts)
    yield from _report(findings, "data and scripts exist")


def _check_access(examined: Examination) -> Results:
    """Check what the next build uses outside the stack with the rights of its roles, not with the user's."""
    requests, findings = examined.requests, Findings()
    artifacts = requests.training.artifacts if requests.training else None
    examine_access(examined.context, requests.bodies, artifacts, findings)
    examine_keys(examined.context, requests.bodies, findings)
    examine_topics(examined.context, requests.bodies, findings)
    examine_repository(examined.context, findings)
    yield from _report(findings, "the roles of jobs and models may use the data, scripts and outputs")


def _check_account(examined: Examination) -> Results:
    findings, production = Findings(), examined.requests.bodies["endpointConfig"]["ProductionVariants"][0]
    examine_account(examined.context, examined.live.endpoint, findings)
    examine_deployment(examined.context, findings)
    examine_scaling(examined.service, examined.live, production.get("InstanceType"), findings)
    yield from examine_new_account(examined)
    yield from _report(findings, "the account allows the build")


def _check_requests(examined: Examination) -> Results:
    """Check the requests of the next build, as the plan would build them."""
    findings = examined.request_findings
    yield from (("error", problem) for problem in dict.fromkeys(findings.problems))
    yield from (("ok", note) for note in findings.notes)
    if not findings.problems and not findings.notes:
        yield "ok", "SageMaker's rules and your own functions accept them"


def _check_quotas(examined: Examination) -> Results:
    findings, parameters = Findings(), examined.context.parameters
    if examined.requests.are_valid:
        needs = count_needs(examined.requests.bodies, deploys=parameters.deployEndpoint)
        examine_quotas(examined.service, needs, examined.live.endpoint, findings)
    else:
        findings.notes.append("the requests are invalid, so the instances cannot be counted")
    examine_codebuild_quotas(examined.service, parameters, findings)
    yield from _report(findings, "the quotas allow the requested instances")


def _check_cost(examined: Examination) -> Results:
    yield "ok", f"the next build: {format_cost(estimate_cost(examined.context, examined.requests.bodies))}"


def _check_endpoint(examined: Examination) -> Results:
    service, endpoint = examined.service, examined.live.endpoint
    if endpoint is None:
        yield "ok", f"{name_endpoint(service)}: none yet; the first successful build creates it"
    elif endpoint.status == "Failed":
        yield (
            "error",
            f"{name_endpoint(service)} has failed; the next successful build replaces it. SageMaker: {endpoint.reason}",
        )
    else:
        advice = "" if endpoint.serves else "; the next successful build creates its inference component again"
        yield "ok" if endpoint.serves else "error", f"{name_endpoint(service)}: {endpoint}{advice}"


def _check_messages(examined: Examination) -> Results:
    sqs = examined.create_client("sqs")
    for url in _list_resources(examined, "AWS::SQS::Queue"):
        if "DeadLetter" not in url:
            continue
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        count = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        if count:
            yield "error", f"{count} could not be processed and are in {url}; read them in the SQS console."
        else:
            yield "ok", "no failed messages"


_CHECKS: dict[str, Callable[[Examination], Results]] = {
    "credentials": _check_credentials,
    "stack": _check_stack,
    "roles": _check_roles,
    "github": _check_github,
    "parameters": _check_parameters,
    "images": _check_images,
    "data": _check_data,
    "access": _check_access,
    "account": _check_account,
    "requests": _check_requests,
    "quotas": _check_quotas,
    "cost": _check_cost,
    "endpoint": _check_endpoint,
    "messages": _check_messages,
}


def _report(findings: Findings, summary: str) -> Results:
    yield from (("error", problem) for problem in dict.fromkeys(findings.problems))
    yield from (("unknown", note) for note in findings.notes)
    if not findings.problems and not findings.notes:
        yield "ok", summary


def _list_resources(examined: Examination, kind: str, logical_id: str = "") -> Iterator[str]:
    """Yield the names of the stack's resources of a type; with a logical id, only that one's."""
    paginator = examined.create_client("cloudformation").get_paginator("list_stack_resources")
    pages = paginator.paginate(StackName=examined.service.stack_name)
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == kind and logical_id in ("", resource["LogicalResourceId"]):
                yield resource["PhysicalResourceId"]
