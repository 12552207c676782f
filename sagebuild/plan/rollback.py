"""Rolls back: the endpoint serves an earlier build's model again, after the same checked deployment as a build's."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from sagebuild.builds.context import BuildContext
from sagebuild.builds.records import NOT_ENDED, BuildRecord, Trigger, list_builds, read_build, update_build
from sagebuild.errors import (
    AlreadyLiveError,
    BuildNotFoundError,
    ModelGoneError,
    NotGoodBuildError,
    RollbackError,
)
from sagebuild.launch.start import Launched, launch_build
from sagebuild.launch.triggers import PREVIOUS, read_target
from sagebuild.names import parse_resource_name
from sagebuild.notifications.words import VERBS
from sagebuild.parameters.overrides import parse_overridden
from sagebuild.plan.deployment import (
    DeploymentPlan,
    describe_live,
    examine_deployment,
    examine_scaling,
    plan_deployment,
)
from sagebuild.plan.findings import Findings
from sagebuild.requests.bodies import build_tags
from sagebuild.running.endpoint import Endpoint, describe_instance_type, describe_models
from sagebuild.service import Service, aws_call, suppress_code

_BUILDS_LOOKED_AT = 200


def request_rollback(
    service: Service, wanted: object, trigger: Trigger, sleep: Callable[[float], None] = time.sleep
) -> Launched:
    """Start a rollback, which is a build of its own number; what stands in its way is found by its plan.

    Parameters
    ----------
    wanted
        "previous", or the number of a build.
    trigger
        What asked for it.

    Raises
    ------
    RollbackError
        ``wanted`` is neither.
    BuildRunningError
        A build runs; a rollback does not wait for its end, as it might then undo another build than was meant.
    AwsUnavailableError
        Nothing was started.
    """
    return launch_build(service, replace(trigger, rollback=read_target(wanted)), sleep=sleep)


def find_target(service: Service, wanted: str, live: Endpoint | None) -> BuildRecord:
    """The build whose model is to be live again.

    Parameters
    ----------
    wanted
        "previous", which is what the live build has replaced, or else the newest good build before it; or a number. Of
        a rollback's number, the build that it had gone back to is taken.
    live
        The endpoint as it is.

    Raises
    ------
    BuildNotFoundError, NotGoodBuildError, ModelGoneError, AlreadyLiveError, RollbackError
        There is no such build, it did not succeed with a deployment, its model is not there any more, it is what the
        endpoint serves, or there is none before.
    """
    record = _find_previous(service, live) if wanted == PREVIOUS else read_build(service, int(wanted))
    if record.trigger.rollback and record.has_succeeded:
        record = read_build(service, record.restores)
    if not record.deployed_its_model:
        raise NotGoodBuildError(f"A rollback goes to builds that left their model live; {_tell_fault(record)}.")
    if live and live.config == record.endpoint_config and live.status != "Failed":
        raise AlreadyLiveError(f"Build {record.number} is live already: {live.config}.")
    if not _is_there(service, record):
        raise ModelGoneError(
            f"The model of build {record.number} was deleted, so you cannot roll back to it; keepbuilds sets how many "
            "builds keep their models."
        )
    return record


class RollbackPlan(DeploymentPlan):
    """Everything that the state machine needs to deploy an earlier build again."""


def plan_rollback(service: Service, record: BuildRecord) -> RollbackPlan:
    """Plan the return to an earlier build, and complete the rollback's record.

    Scaling, guardrails, smoke test and tags come from the earlier build's own parameters.

    Raises
    ------
    PreflightError
        Something that the deployment needs is missing.
    SagebuildError
        See `find_target`.
    """
    live = describe_live(service)
    target = find_target(service, record.trigger.rollback, live.endpoint)
    parameters = parse_overridden(target.parameters, target.overrides, service.settings.framework)
    context, findings = BuildContext(service, record.number, parameters), Findings()
    instance_type = describe_instance_type(service, target.endpoint_config)
    examine_deployment(context, findings)
    examine_scaling(service, live, instance_type, findings)
    findings.raise_problems()
    tags = build_tags(replace(context, number=target.number))
    deployment, deployment_record = plan_deployment(context, live, target.endpoint_config, instance_type, tags)
    plan: RollbackPlan = {**deployment, "mode": "rollback", "artifacts": target.artifacts}
    recorded = update_build(
        service,
        record.number,
        only_if=NOT_ENDED,
        status="running",
        restores=target.number,
        notes=findings.notes,
        artifacts=target.artifacts,
        model=target.model,
        endpoint_config=target.endpoint_config,
        **deployment_record,
    )
    if not recorded:
        raise BuildNotFoundError(f"Build {record.number} has ended; ask for the rollback again.")
    return plan


def _find_previous(service: Service, live: Endpoint | None) -> BuildRecord:
    number = parse_resource_name(service, live.config) if live else None
    builds = [each for each in list_builds(service, _BUILDS_LOOKED_AT) if each.deployed_its_model]
    replaced = next((each.live_before for each in builds if each.number == number), "")
    earlier = [each for each in builds if number is None or each.number < number]
    found = [each for each in earlier if each.endpoint_config == replaced] or earlier
    if not found:
        of = f"before build {number}" if number else f"in {service.stack_name}"
        raise RollbackError(f"There is no good build {of} to go back to.")
    return found[0]


def _tell_fault(record: BuildRecord) -> str:
    if not record.has_ended:
        return f"build {record.number} has not ended"
    if not record.has_succeeded:
        return f"build {record.number} {VERBS[record.status]}"
    return f"build {record.number} deployed nothing"


def _is_there(service: Service, record: BuildRecord) -> bool:
    if record.model not in describe_models(service, record.endpoint_config):
        return False
    with aws_call(f"describe the model {record.model}"), suppress_code("ValidationException"):
        service.sagemaker.describe_model(ModelName=record.model)
        return True
    return False
