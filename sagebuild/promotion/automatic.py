"""Promotes a build when the other stack approves its model, or asks for it: the deploy parameter promoteFrom.

The queue of these events delivers a message again every quarter of an hour until it is done, so a promotion waits for
the end of a build of either stack without cost.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.lock import fingerprint_request, read_seen, read_state
from sagebuild.builds.pipelines import find_pipeline
from sagebuild.builds.records import BuildRecord, Trigger, read_build, search_builds
from sagebuild.errors import (
    AwsUnavailableError,
    BuildRunningError,
    MalformedMessageError,
    PromotionError,
    SagebuildError,
)
from sagebuild.launch.dead_letters import Message, send_dead_letters
from sagebuild.launch.events import find_text
from sagebuild.launch.promotion_request import PROMOTION
from sagebuild.launch.start import launch_builds
from sagebuild.launch.triggers import REQUEST_SOURCE, LaunchRequest
from sagebuild.log_keys import log_about
from sagebuild.names import parse_package_group, parse_resource_name
from sagebuild.parameters.json_text import read_object
from sagebuild.parameters.shown import show_value
from sagebuild.promotion.copying import copy_promotion
from sagebuild.promotion.rules import find_promotable
from sagebuild.service import Service, aws_call, create_client
from sagebuild.stack_outputs import read_settings

_log = logging.getLogger("sagebuild")
# A build approves its package right before it writes its outcome.
_WAIT_SECONDS, _POLL_SECONDS = 60, 3
# The newest builds of this pipeline that are searched for a promotion of a later build.
_BUILDS_SEARCHED = 100


@dataclass(frozen=True)
class _Wanted:
    """What an event asks for: a build of the other stack, for the pipeline of the same name.

    Parameters
    ----------
    why
        The trigger's detail.
    is_approval
        Whether it is an approval, which a promotion of a later build makes obsolete.
    id
        The same for every delivery of the same request.
    """

    pipeline: str
    number: int
    why: str
    is_approval: bool
    id: str


def take_event(service: Service, message: Message, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Promote the build of one message.

    A message that asks for nothing that can be promoted goes to the dead-letter queue, with the reason.

    Returns
    -------
    bool
        False if the queue must deliver the message again: a build of either pipeline is running, or AWS did not answer
        or denied a call.
    """
    try:
        origin = open_origin(service)
        wanted = _read_event(origin, message.body)
        if wanted:
            _promote(service, origin.for_pipeline(wanted.pipeline), wanted, sleep)
    except (AwsUnavailableError, BuildRunningError, ClientError) as error:
        _log.warning("message %s will be delivered again: %s", message.id, error)
        return False
    except SagebuildError as error:
        return not send_dead_letters(service, [(message, str(error))])
    return True


def open_origin(service: Service) -> Service:
    """Return the service of the stack promoteFrom, from its outputs.

    Raises
    ------
    PromotionError
        It does not exist, or it is in another account, which does not let this one read it.
    """
    name, account = service.settings.promote_from, service.settings.promote_from_account
    clients = service.open_client if account in ("", service.account) else _read_with_role(service, name, account)
    origin = Service({"STACK_NAME": name}, clients)
    with aws_call(f"describe the stack {name}"):
        try:
            described = origin.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            # CloudFormation's answer for a stack that does not exist
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            raise PromotionError(f"The stack {name} does not exist in {service.region}; deploy it again.") from error
    return Service(read_settings(described), origin.open_client)


def _read_with_role(service: Service, name: str, account: str) -> Callable[..., Any]:
    """Return what creates clients with the role that the deploy parameter promoteTo creates in another account."""
    partition = service.settings.stack_id.split(":")[1]
    role = f"arn:{partition}:iam::{account}:role/{name}-{service.region}-promotions"
    with aws_call(f"assume the role {role}"):
        try:
            # https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html: for an hour
            given = service.sts.assume_role(RoleArn=role, RoleSessionName=service.stack_name)["Credentials"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            raise PromotionError(
                f"The stack {name} of account {account} does not let account {service.account} read its models; deploy "
                f"{name} in {service.region} with promoteTo={service.account}."
            ) from error
    return partial(
        create_client,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


def _read_event(origin: Service, body: str) -> _Wanted | None:
    """Return what an event asks for; None for a package that no build of the stack registered.

    Raises
    ------
    MalformedMessageError
        It is no event, or a request without the number of a build: every sender with events:PutEvents can send one.
    """
    event = read_object(body, "The message")
    detail = event.get("detail")
    if not isinstance(detail, Mapping):
        raise MalformedMessageError("The message is no event of EventBridge; it has no object named detail.")
    if find_text(event, "source") == REQUEST_SOURCE:
        number = detail.get("number")
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise MalformedMessageError(
                f"The request for a promotion has the number {show_value(number)}; it must be a build's, from 1 on."
            )
        why = f"requested by voice in {origin.stack_name}"
        request_id = find_text(detail, "id") or find_text(event, "id")
        return _Wanted(find_text(detail, "pipeline"), number, why, False, request_id)
    group, package = find_text(detail, "ModelPackageGroupName"), find_text(detail, "ModelPackageArn")
    pipeline = find_pipeline(origin, parse_package_group(origin, group))
    if pipeline is None:  # the group of another stack, whose name begins like this one's
        return None
    with aws_call(f"describe {package}"):
        found = origin.sagemaker.describe_model_package(ModelPackageName=package)
    number = found.get("CustomerMetadataProperties", {}).get("build", "")
    if not number.isdecimal() or read_build(pipeline, int(number)).model_package != package:
        return None
    return _Wanted(pipeline.pipeline, int(number), f"approved in {origin.label}", True, find_text(event, "id"))


def _promote(stack: Service, origin: Service, wanted: _Wanted, sleep: Callable[[float], None]) -> None:
    service = find_pipeline(stack, origin.pipeline)
    if service is None:
        _log.info("%s has no pipeline %s; build %d stays", stack.stack_name, origin.pipeline, wanted.number)
        return
    record = _wait_for_end(origin, wanted.number, sleep)
    state = read_state(service)
    if fingerprint_request(wanted.id) in read_seen(service, state):
        return
    if wanted.is_approval and (not record.has_succeeded or _has_later(service, origin, wanted.number)):
        _log.info("build %d of %s %s is not promoted", wanted.number, origin.label, record.status)
        return
    if state.running or state.pending:
        raise BuildRunningError(f"Build {state.running or state.last_number + 1} of {service.label} is running.")
    promotable = find_promotable(origin, wanted.number, service)
    request = LaunchRequest(
        Trigger(PROMOTION, wanted.why), wanted.id, origin=copy_promotion(origin, promotable, service)
    )
    launched = launch_builds(service, [request])
    with log_about(service.pipeline, launched.number):
        _log.info("%s: build %d promotes build %d of %s", service.label, launched.number, wanted.number, origin.label)


def _wait_for_end(origin: Service, number: int, sleep: Callable[[float], None]) -> BuildRecord:
    """Return the record of a build, which may be about to end.

    Raises
    ------
    BuildRunningError
        It has not ended yet.
    """
    for _ in range(_WAIT_SECONDS // _POLL_SECONDS):
        record = read_build(origin, number)
        if record.has_ended:
            return record
        sleep(_POLL_SECONDS)
    raise BuildRunningError(f"Build {number} of {origin.label} has not ended.")


def _has_later(service: Service, origin: Service, number: int) -> bool:
    """Return whether a later build of the same pipeline was promoted; False also for one that is too long ago."""
    folders = (record.origin.get("folder", "") for record in search_builds(service, _BUILDS_SEARCHED))
    return any((parse_resource_name(origin, folder) or 0) > number for folder in folders)
