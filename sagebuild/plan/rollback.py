"""Rolls back: has the endpoint serve an earlier build's model again, by the same checked deployment as a build's."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

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
from sagebuild.names import name_endpoint, parse_resource_name
from sagebuild.notifications.words import VERBS
from sagebuild.parameters.overrides import parse_overridden
from sagebuild.plan.build import plan_build
from sagebuild.plan.deployment import examine_deployment
from sagebuild.plan.preflight import Findings
from sagebuild.requests.bodies import build_tags
from sagebuild.requests.guardrails import POLL_SECONDS, build_deployment_config, count_polls
from sagebuild.requests.hooks import plan_execution
from sagebuild.running.endpoint import Endpoint, describe_endpoint, describe_instance_type, describe_models
from sagebuild.running.scaling import describe_scaling, find_scaling_problems, plan_scaling
from sagebuild.service import Service, aws_call, suppress_code
from sagebuild.steps.smoke_test import plan_smoke_test

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


def plan_build_or_rollback(service: Service, number: int) -> dict[str, Any]:
    """What the state machine needs for a build, as `plan_build` tells it, or for a rollback."""
    try:
        record = read_build(service, number)
    except BuildNotFoundError:
        return plan_build(service, number)  # which refuses it
    return plan_rollback(service, record) if record.trigger.rollback else plan_build(service, number)


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
            f"The model of build {record.number} was deleted, so nothing can go back to it; keepbuilds says how many "
            "builds keep theirs."
        )
    return record


def plan_rollback(service: Service, record: BuildRecord) -> dict[str, Any]:
    """All that the state machine needs to deploy an earlier build again; of the keys, those that it then uses.

    Scaling, guardrails, smoke test and tags are those of the earlier build's own parameters.

    Raises
    ------
    PreflightError
        Something that the deployment needs is not there; and all that `find_target` raises.
    """
    live = describe_endpoint(service)
    target = find_target(service, record.trigger.rollback, live)
    parameters = parse_overridden(target.parameters, target.overrides, service.setting("FRAMEWORK"))
    findings = Findings()
    scaled_before = describe_scaling(service) if live else None
    served = live.config if live else ""
    instance_type = describe_instance_type(service, target.endpoint_config)
    examine_deployment(service, parameters, findings)
    findings.problems += find_scaling_problems(service, scaled_before, served, instance_type)
    findings.raise_problems()
    scaling = plan_scaling(service, parameters, scaled_before, served, instance_type)
    planned = update_build(
        service,
        record.number,
        only_if=NOT_ENDED,
        status="running",
        restores=target.number,
        notes=findings.notes,
        artifacts=target.artifacts,
        model=target.model,
        endpoint_config=target.endpoint_config,
        live_before=served if live and live.status != "Failed" else "",
        changes_scaling=scaling["wanted"] or scaling["release"],
        scaling_before=scaled_before.to_text() if scaled_before else "",
    )
    if not planned:
        raise BuildNotFoundError(f"Build {record.number} has ended; ask for the rollback again.")
    return {
        "number": record.number,
        "preprocess": {"wanted": False},
        "images": {"wanted": False},
        "mode": "rollback",
        "artifacts": target.artifacts,
        "endpoint": {"EndpointName": name_endpoint(service), "EndpointConfigName": target.endpoint_config},
        "tags": build_tags(service, target.number, parameters),
        "scaling": scaling,
        "guardrails": build_deployment_config(parameters),
        "smokeTest": plan_smoke_test(service, parameters),
        "postprocess": plan_execution(
            service, record.number, parameters, "postprocess", {"endpoint": name_endpoint(service)}
        ),
        "pollSeconds": POLL_SECONDS,
        "maximumPolls": count_polls(parameters),
    }


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
