"""Looks whether a build can work, and says of what is not as it should be what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sagebuild.builds.lock import read_state
from sagebuild.client.document import Parameters
from sagebuild.client.explanations import explain
from sagebuild.cost.estimate import estimate_cost
from sagebuild.cost.spent import format_cost
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
    """One thing that was looked at.

    Parameters
    ----------
    state
        "good"; "bad", when a build would fail or not begin; or "unknown", when it could not be looked at.
    told
        What was seen, and for what is bad what to do.
    """

    subject: str
    state: str
    told: str


@dataclass(frozen=True)
class Diagnosis:
    """All that was looked at."""

    findings: Sequence[Finding]

    @property
    def is_good(self) -> bool:
        """Whether nothing stands in a build's way, as far as could be seen."""
        return all(finding.state != "bad" for finding in self.findings)

    def to_list(self) -> list[dict[str, str]]:
        """Plain values, for JSON."""
        return [asdict(finding) for finding in self.findings]

    def _repr_html_(self) -> str:
        from sagebuild.client.drawing import draw_findings

        return draw_findings((one.state, one.subject, one.told) for one in self.findings)

    def __repr__(self) -> str:
        return "\n".join(f"{one.state:<8} {one.subject:<12} {one.told}" for one in self.findings)


def diagnose(service: Service, create_client: CreateClient) -> Diagnosis:
    """Look at everything that a build needs; nothing is changed and nothing paid."""
    findings: list[Finding] = []
    for subject, look in _LOOKS.items():
        try:
            told = list(look(service, create_client))
        except SagebuildError as error:
            told = [("bad" if isinstance(error, ParameterError) else "unknown", str(error))]
        except (ClientError, BotoCoreError) as error:
            told = [("unknown", str(explain(error) or error))]
        findings += [Finding(subject, state, text) for state, text in told]
    return Diagnosis(findings)


Told = Iterator[tuple[str, str]]


def _look_at_credentials(_service: Service, create_client: CreateClient) -> Told:
    yield "good", create_client("sts").get_caller_identity()["Arn"]


def _look_at_stack(service: Service, create_client: CreateClient) -> Told:
    stack = create_client("cloudformation").describe_stacks(StackName=service.stack_name)["Stacks"][0]
    status: str = stack["StackStatus"]
    where = f"{service.stack_name} in {service.region}: {status}"
    if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        yield "good", where
    elif status.endswith("_IN_PROGRESS"):
        yield "bad", f"{where}; wait until CloudFormation is done."
    else:
        yield "bad", f"{where}; look at its events in CloudFormation, then deploy again: npx serverless deploy."


def _look_at_roles(service: Service, create_client: CreateClient) -> Told:
    roles = list(_list_resources(service, create_client, "AWS::IAM::Role"))
    iam = create_client("iam")
    faults = []
    for role in roles:
        try:
            iam.get_role(RoleName=role)
            if not iam.list_role_policies(RoleName=role)["PolicyNames"]:
                faults.append(f"{role} has lost what it may do")
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchEntity":
                raise
            faults.append(f"{role} is gone")
    if faults:
        yield "bad", f"{', '.join(faults)}; deploy again with --force: npx serverless deploy --force."
    else:
        yield "good", f"all {len(roles)} are there"


def _look_at_parameters(service: Service, _create_client: CreateClient) -> Told:
    parameters = Parameters(service)
    yield "good", f"{parameters.name} is right, for framework {parameters.check().framework}"


def _look_at_images(service: Service, _create_client: CreateClient) -> Told:
    parameters, number = Parameters(service).check(), read_state(service).last_number + 1
    told: dict[str, list[str]] = {}
    for scope in _list_scopes(parameters):
        image = choose_image(service, number, parameters, scope)
        built = ", which the build makes" if scope in list_images_to_build(parameters) else ""
        told.setdefault(f"{image.uri}{built}" + (f" ({image.note})" if image.note else ""), []).append(scope)
    yield from (("good", f"{' and '.join(scopes)}: {image}") for image, scopes in told.items())
    findings = Findings()
    examine_images(service, parameters, findings)
    yield from (("bad", problem) for problem in findings.problems)


def _look_at_data(service: Service, _create_client: CreateClient) -> Told:
    findings = Findings()
    examine_inputs(service, Parameters(service).check(), None, findings)
    yield from _tell(findings, "data and scripts are there")


def _look_at_account(service: Service, _create_client: CreateClient) -> Told:
    findings = Findings()
    parameters = Parameters(service).check()
    examine_account(service, parameters, describe_endpoint(service), findings)
    examine_deployment(service, parameters, findings)
    yield from _tell(findings, "nothing in the account stands in the way")


def _look_at_requests(service: Service, _create_client: CreateClient) -> Told:
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
    yield from _tell(findings, "the quotas have room for the instances that are asked for")


def _look_at_cost(service: Service, _create_client: CreateClient) -> Told:
    yield "good", f"the next build: {format_cost(estimate_cost(service, Parameters(service).check()))}"


def _look_at_endpoint(service: Service, _create_client: CreateClient) -> Told:
    endpoint = describe_endpoint(service)
    if endpoint is None:
        yield "good", f"{service.stack_name}: none yet; the first good build makes it"
    elif endpoint.status == "Failed":
        yield "bad", f"{service.stack_name} has failed; the next good build replaces it. SageMaker: {endpoint.reason}"
    else:
        yield "good", f"{service.stack_name}: {endpoint.status}, serves {endpoint.config}"


def _look_at_messages(service: Service, create_client: CreateClient) -> Told:
    sqs = create_client("sqs")
    for url in _list_resources(service, create_client, "AWS::SQS::Queue"):
        if "DeadLetter" not in url:
            continue
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        count = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        if count:
            yield "bad", f"{count} could not be handled and wait in {url}; read them in the SQS console."
        else:
            yield "good", "none that could not be handled"


_LOOKS: dict[str, Callable[[Service, CreateClient], Told]] = {
    "credentials": _look_at_credentials,
    "stack": _look_at_stack,
    "roles": _look_at_roles,
    "parameters": _look_at_parameters,
    "images": _look_at_images,
    "data": _look_at_data,
    "account": _look_at_account,
    "quotas": _look_at_requests,
    "cost": _look_at_cost,
    "endpoint": _look_at_endpoint,
    "messages": _look_at_messages,
}


def _tell(findings: Findings, good: str) -> Told:
    yield from (("bad", problem) for problem in dict.fromkeys(findings.problems))
    yield from (("unknown", note) for note in findings.notes)
    if not findings.problems and not findings.notes:
        yield "good", good


def _list_scopes(parameters: BuildParameters) -> list[Scope]:
    return ["training", "inference"] if parameters.has_training else ["inference"]


def _list_resources(service: Service, create_client: CreateClient, kind: str) -> Iterator[str]:
    pages = create_client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=service.stack_name)
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == kind:
                yield resource["PhysicalResourceId"]
