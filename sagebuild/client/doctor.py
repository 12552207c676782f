"""Checks that a build can succeed, and says what to do where it cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sagebuild.builds.lock import read_state
from sagebuild.client.aws_errors import translate_error
from sagebuild.client.document import Parameters
from sagebuild.client.html import render_badge, render_table
from sagebuild.cost.estimate import estimate_cost
from sagebuild.cost.spent import tell_cost
from sagebuild.errors import ParameterError, SagebuildError
from sagebuild.images.byod import list_images_to_build
from sagebuild.images.containers import choose_image
from sagebuild.images.table import Scope
from sagebuild.parameters import BuildParameters
from sagebuild.plan.deployment import examine_deployment
from sagebuild.plan.preflight import Findings, examine_account, examine_bodies, examine_images, examine_inputs
from sagebuild.requests.bodies import build_endpoint_config, build_model
from sagebuild.requests.training import plan_training
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.service import Service

CreateClient = Callable[[str], Any]


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Parameters
    ----------
    state
        "ok"; "error" if a build would fail or not begin; or "unknown" if the check was not possible.
    message
        The result in words; for an error, also what to do.
    """

    subject: str
    state: str
    message: str


@dataclass(frozen=True)
class Diagnosis:
    """The results of all checks."""

    findings: Sequence[Finding]

    @property
    def has_no_errors(self) -> bool:
        """False if a check found an error; a check that was not possible is not an error."""
        return all(finding.state != "error" for finding in self.findings)

    def to_list(self) -> list[dict[str, str]]:
        """Return plain values, for JSON."""
        return [asdict(finding) for finding in self.findings]

    def _repr_html_(self) -> str:
        return render_table((render_badge(one.state), one.subject, one.message) for one in self.findings)

    def __repr__(self) -> str:
        return "\n".join(f"{one.state:<8} {one.subject:<12} {one.message}" for one in self.findings)


def diagnose(service: Service, create_client: CreateClient) -> Diagnosis:
    """Check everything that a build needs; this changes nothing and costs nothing."""
    findings: list[Finding] = []
    for subject, check in _CHECKS.items():
        try:
            results = list(check(service, create_client))
        except SagebuildError as error:
            results = [("error" if isinstance(error, ParameterError) else "unknown", str(error))]
        except (ClientError, BotoCoreError) as error:
            results = [("unknown", str(translate_error(error) or error))]
        findings += [Finding(subject, state, text) for state, text in results]
    return Diagnosis(findings)


Results = Iterator[tuple[str, str]]


def _check_credentials(_service: Service, create_client: CreateClient) -> Results:
    yield "ok", create_client("sts").get_caller_identity()["Arn"]


def _check_stack(service: Service, create_client: CreateClient) -> Results:
    stack = create_client("cloudformation").describe_stacks(StackName=service.stack_name)["Stacks"][0]
    status: str = stack["StackStatus"]
    where = f"{service.stack_name} in {service.region}: {status}"
    if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        yield "ok", where
    elif status.endswith("_IN_PROGRESS"):
        yield "error", f"{where}; wait until CloudFormation is done."
    else:
        yield "error", f"{where}; check its events in CloudFormation, then deploy again: npx serverless deploy."


def _check_roles(service: Service, create_client: CreateClient) -> Results:
    roles = list(_list_resources(service, create_client, "AWS::IAM::Role"))
    iam = create_client("iam")
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


def _check_parameters(service: Service, _create_client: CreateClient) -> Results:
    parameters = Parameters(service)
    yield "ok", f"{parameters.name}: valid, for framework {parameters.check().framework}"


def _check_images(service: Service, _create_client: CreateClient) -> Results:
    parameters, number = Parameters(service).check(), read_state(service).last_number + 1
    told: dict[str, list[str]] = {}
    for scope in _list_scopes(parameters):
        image = choose_image(service, number, parameters, scope)
        built = ", which the build creates" if scope in list_images_to_build(parameters) else ""
        told.setdefault(f"{image.uri}{built}" + (f" ({image.note})" if image.note else ""), []).append(scope)
    yield from (("ok", f"{' and '.join(scopes)}: {image}") for image, scopes in told.items())
    findings = Findings()
    examine_images(service, parameters, findings)
    yield from (("error", problem) for problem in findings.problems)


def _check_data(service: Service, _create_client: CreateClient) -> Results:
    findings = Findings()
    examine_inputs(service, Parameters(service).check(), None, findings)
    yield from _report(findings, "data and scripts exist")


def _check_account(service: Service, _create_client: CreateClient) -> Results:
    findings = Findings()
    parameters = Parameters(service).check()
    examine_account(service, parameters, describe_endpoint(service), findings)
    examine_deployment(service, parameters, findings)
    yield from _report(findings, "the account allows the build")


def _check_requests(service: Service, _create_client: CreateClient) -> Results:
    """Hold what the next build would ask of SageMaker against SageMaker's rules and the account's quotas."""
    parameters, number = Parameters(service).check(), read_state(service).last_number + 1
    images = {scope: choose_image(service, number, parameters, scope).uri for scope in _list_scopes(parameters)}
    training = plan_training(service, number, parameters, images.get("training", ""))
    bodies = {
        "training": training.training,
        "tuning": training.tuning,
        "model": build_model(service, number, parameters, images["inference"]),
        "endpointConfig": build_endpoint_config(service, number, parameters),
    }
    findings = Findings()
    examine_bodies(service, {kind: body for kind, body in bodies.items() if body}, findings)
    yield from _report(findings, "the quotas allow the requested instances")


def _check_cost(service: Service, _create_client: CreateClient) -> Results:
    yield "ok", f"the next build: {tell_cost(estimate_cost(service, Parameters(service).check()))}"


def _check_endpoint(service: Service, _create_client: CreateClient) -> Results:
    endpoint = describe_endpoint(service)
    if endpoint is None:
        yield "ok", f"{service.stack_name}: none yet; the first successful build creates it"
    elif endpoint.status == "Failed":
        yield (
            "error",
            f"{service.stack_name} has failed; the next successful build replaces it. SageMaker: {endpoint.reason}",
        )
    else:
        yield "ok", f"{service.stack_name}: {endpoint.status}, serves {endpoint.config}"


def _check_messages(service: Service, create_client: CreateClient) -> Results:
    sqs = create_client("sqs")
    for url in _list_resources(service, create_client, "AWS::SQS::Queue"):
        if "DeadLetter" not in url:
            continue
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        count = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        if count:
            yield "error", f"{count} could not be processed and are in {url}; read them in the SQS console."
        else:
            yield "ok", "no failed messages"


_CHECKS: dict[str, Callable[[Service, CreateClient], Results]] = {
    "credentials": _check_credentials,
    "stack": _check_stack,
    "roles": _check_roles,
    "parameters": _check_parameters,
    "images": _check_images,
    "data": _check_data,
    "account": _check_account,
    "quotas": _check_requests,
    "cost": _check_cost,
    "endpoint": _check_endpoint,
    "messages": _check_messages,
}


def _report(findings: Findings, summary: str) -> Results:
    yield from (("error", problem) for problem in dict.fromkeys(findings.problems))
    yield from (("unknown", note) for note in findings.notes)
    if not findings.problems and not findings.notes:
        yield "ok", summary


def _list_scopes(parameters: BuildParameters) -> list[Scope]:
    return ["training", "inference"] if parameters.has_training else ["inference"]


def _list_resources(service: Service, create_client: CreateClient, kind: str) -> Iterator[str]:
    pages = create_client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=service.stack_name)
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == kind:
                yield resource["PhysicalResourceId"]
