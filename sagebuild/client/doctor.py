"""Looks whether a build can work, and says of what is not as it should be what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sagebuild.builds.context import BuildContext, describe_next
from sagebuild.client.explanations import explain
from sagebuild.cost.estimate import estimate_cost
from sagebuild.cost.spent import tell_cost
from sagebuild.errors import ParameterError, SagebuildError
from sagebuild.images.byod import list_images_to_build
from sagebuild.parameters import BuildParameters
from sagebuild.plan.deployment import examine_deployment
from sagebuild.plan.findings import Findings
from sagebuild.plan.preflight import examine_account, examine_images, examine_inputs, examine_quotas
from sagebuild.plan.requests import PlannedRequests, plan_requests
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


@dataclass(frozen=True)
class Examination:
    """The stack, and the next build as the plan would make it; each is read once."""

    service: Service
    create_client: CreateClient

    @cached_property
    def context(self) -> BuildContext[BuildParameters]:
        """The next build."""
        return describe_next(self.service)

    @cached_property
    def request_findings(self) -> Findings:
        """What the plan finds while it writes the requests."""
        return self._planned[1]

    @cached_property
    def requests(self) -> PlannedRequests:
        """The requests of the next build, as they would be sent."""
        return self._planned[0]

    @cached_property
    def _planned(self) -> tuple[PlannedRequests, Findings]:
        findings = Findings()
        return plan_requests(self.context, findings), findings


def diagnose(service: Service, create_client: CreateClient) -> Diagnosis:
    """Look at everything that a build needs; nothing is changed and nothing paid."""
    findings: list[Finding] = []
    examined = Examination(service, create_client)
    for subject, look in _LOOKS.items():
        try:
            told = list(look(examined))
        except SagebuildError as error:
            told = [("bad" if isinstance(error, ParameterError) else "unknown", str(error))]
        except (ClientError, BotoCoreError) as error:
            told = [("unknown", str(explain(error) or error))]
        findings += [Finding(subject, state, text) for state, text in told]
    return Diagnosis(findings)


Told = Iterator[tuple[str, str]]


def _look_at_credentials(examined: Examination) -> Told:
    yield "good", examined.create_client("sts").get_caller_identity()["Arn"]


def _look_at_stack(examined: Examination) -> Told:
    service = examined.service
    stack = examined.create_client("cloudformation").describe_stacks(StackName=service.stack_name)["Stacks"][0]
    status: str = stack["StackStatus"]
    where = f"{service.stack_name} in {service.region}: {status}"
    if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        yield "good", where
    elif status.endswith("_IN_PROGRESS"):
        yield "bad", f"{where}; wait until CloudFormation is done."
    else:
        yield "bad", f"{where}; look at its events in CloudFormation, then deploy again: npx serverless deploy."


def _look_at_roles(examined: Examination) -> Told:
    roles = list(_list_resources(examined, "AWS::IAM::Role"))
    iam = examined.create_client("iam")
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


def _look_at_parameters(examined: Examination) -> Told:
    name, framework = examined.service.settings.parameters_name, examined.context.parameters.framework
    yield "good", f"{name} is right, for framework {framework}"


def _look_at_images(examined: Examination) -> Told:
    parameters, requests = examined.context.parameters, examined.requests
    addresses: dict[str, list[str]] = {}
    for scope, uri in requests.images.items():
        built = ", which the build makes" if scope in list_images_to_build(parameters) else ""
        addresses.setdefault(f"{uri}{built}", []).append(scope)
    yield from (("good", f"{' and '.join(scopes)}: {image}") for image, scopes in addresses.items())
    findings = Findings()
    examine_images(examined.context, findings)
    yield from (("bad", problem) for problem in findings.problems)


def _look_at_data(examined: Examination) -> Told:
    findings, training = Findings(), examined.requests.training
    examine_inputs(examined.context, training.artifacts if training else None, findings)
    yield from _tell(findings, "data and scripts are there")


def _look_at_account(examined: Examination) -> Told:
    findings = Findings()
    examine_account(examined.context, describe_endpoint(examined.service), findings)
    examine_deployment(examined.context, findings)
    yield from _tell(findings, "nothing in the account stands in the way")


def _look_at_requests(examined: Examination) -> Told:
    """The requests of the next build, as the plan would write them."""
    findings = examined.request_findings
    yield from (("bad", problem) for problem in dict.fromkeys(findings.problems))
    yield from (("good", note) for note in findings.notes)
    if not findings.problems and not findings.notes:
        yield "good", "SageMaker's rules and your own functions allow them"


def _look_at_quotas(examined: Examination) -> Told:
    findings = Findings()
    if examined.requests.are_valid:
        examine_quotas(examined.service, examined.requests.bodies, findings)
        yield from _tell(findings, "the quotas have room for the instances that are asked for")
    else:
        yield "unknown", "the requests are wrong, so the instances cannot be counted"


def _look_at_cost(examined: Examination) -> Told:
    yield "good", f"the next build: {tell_cost(estimate_cost(examined.context, examined.requests.bodies))}"


def _look_at_endpoint(examined: Examination) -> Told:
    service = examined.service
    endpoint = describe_endpoint(service)
    if endpoint is None:
        yield "good", f"{service.stack_name}: none yet; the first good build makes it"
    elif endpoint.status == "Failed":
        yield "bad", f"{service.stack_name} has failed; the next good build replaces it. SageMaker: {endpoint.reason}"
    else:
        yield "good", f"{service.stack_name}: {endpoint.status}, serves {endpoint.config}"


def _look_at_messages(examined: Examination) -> Told:
    sqs = examined.create_client("sqs")
    for url in _list_resources(examined, "AWS::SQS::Queue"):
        if "DeadLetter" not in url:
            continue
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        count = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        if count:
            yield "bad", f"{count} could not be handled and wait in {url}; read them in the SQS console."
        else:
            yield "good", "none that could not be handled"


_LOOKS: dict[str, Callable[[Examination], Told]] = {
    "credentials": _look_at_credentials,
    "stack": _look_at_stack,
    "roles": _look_at_roles,
    "parameters": _look_at_parameters,
    "images": _look_at_images,
    "data": _look_at_data,
    "account": _look_at_account,
    "requests": _look_at_requests,
    "quotas": _look_at_quotas,
    "cost": _look_at_cost,
    "endpoint": _look_at_endpoint,
    "messages": _look_at_messages,
}


def _tell(findings: Findings, good: str) -> Told:
    yield from (("bad", problem) for problem in dict.fromkeys(findings.problems))
    yield from (("unknown", note) for note in findings.notes)
    if not findings.problems and not findings.notes:
        yield "good", good


def _list_resources(examined: Examination, kind: str) -> Iterator[str]:
    paginator = examined.create_client("cloudformation").get_paginator("list_stack_resources")
    pages = paginator.paginate(StackName=examined.service.stack_name)
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == kind:
                yield resource["PhysicalResourceId"]
