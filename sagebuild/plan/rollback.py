"""Plans a rollback: an earlier build's model is deployed again, with the same checks as in a build."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sagebuild.builds.context import BuildContext
from sagebuild.builds.records import NOT_ENDED, BuildRecord, list_builds, read_build, update_build
from sagebuild.errors import (
    AlreadyLiveError,
    BuildNotFoundError,
    ModelGoneError,
    NotGoodBuildError,
    RollbackError,
)
from sagebuild.launch.triggers import PREVIOUS
from sagebuild.names import parse_resource_name
from sagebuild.notifications.words import VERBS
from sagebuild.parameters.overrides import parse_overridden
from sagebuild.plan.access import examine_earlier_model
from sagebuild.plan.component import examine_component
from sagebuild.plan.deployment import (
    DeploymentPlan,
    describe_live,
    examine_deployment,
    examine_scaling,
    plan_deployment,
    read_instance_type,
)
from sagebuild.plan.findings import Findings
from sagebuild.plan.preflight import examine_quotas
from sagebuild.plan.uses import count_instances, record_running
from sagebuild.requests.bodies import build_tags
from sagebuild.running.endpoint import Endpoint, describe_models
from sagebuild.service import Service, aws_call, suppress_code

# The newest builds that are searched for the previous one.
_BUILDS_SEARCHED = 200


def find_target(service: Service, wanted: str, live: Endpoint | None) -> BuildRecord:
    """Return the build whose model a rollback deploys again.

    Parameters
    ----------
    wanted
        The number of a build, or "previous": the build that the live one replaced, or else the newest earlier build
        that deployed its model. The number of a rollback means the build to which it returned.
    live
        The stack's endpoint; None without one.

    Raises
    ------
    BuildNotFoundError
        No build has that number.
    NotGoodBuildError
        The build did not deploy its model.
    AlreadyLiveError
        The endpoint already serves its model.
    ModelGoneError
        Its model was deleted.
    RollbackError
        There is no previous build.
    """
    record = _find_previous(service, live) if wanted == PREVIOUS else read_build(service, int(wanted))
    if record.trigger.rollback and record.has_succeeded:
        record = read_build(service, record.restores)
    if not record.deployed_its_model:
        raise NotGoodBuildError(f"A rollback needs a build that deployed its model; {_describe_outcome(record)}.")
    if live and live.config == record.endpoint_config and live.serves:
        raise AlreadyLiveError(f"Build {record.number} is live already: {live.config}.")
    if not _has_model(service, record):
        raise ModelGoneError(
            f"The model of build {record.number} was deleted, so you cannot roll back to it; keepbuilds sets how many "
            "builds keep their models."
        )
    return record


class RollbackPlan(DeploymentPlan):
    """Everything that the state machine needs to deploy an earlier build again."""


def plan_rollback(service: Service, record: BuildRecord) -> RollbackPlan:
    """Plan the return to an earlier build, and add the plan's facts to the rollback's record.

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
    with aws_call(f"describe the endpoint configuration {target.endpoint_config}"):
        config: dict[str, Any] = dict(
            service.sagemaker.describe_endpoint_config(EndpointConfigName=target.endpoint_config)
        )
    needs = count_instances(config["ProductionVariants"])
    record_running(service, record.number, needs)
    examine_quotas(service, needs, live.endpoint, findings)
    with aws_call(f"describe the model {target.model}"):
        examine_earlier_model(context, dict(service.sagemaker.describe_model(ModelName=target.model)), findings)
    if not target.model_files:
        findings.add_note(f"The model of build {target.number} is not verified: the build did not record its files.")
    examine_deployment(context, findings)
    examine_scaling(service, live, read_instance_type(config), findings)
    examine_component(service, config, parameters, live.endpoint, findings)
    findings.raise_problems()
    tags = build_tags(replace(context, number=target.number))
    deployment, deployment_record = plan_deployment(context, live, config, target.model, tags)
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
        raise BuildNotFoundError(f"Build {record.number} has ended; request the rollback again.")
    return plan


def _find_previous(service: Service, live: Endpoint | None) -> BuildRecord:
    number = parse_resource_name(service, live.config) if live else None
    builds = [each for each in list_builds(service, _BUILDS_SEARCHED) if each.deployed_its_model]
    replaced = [each.live_before for each in builds if each.number == number]
    earlier = [each for each in builds if number is None or each.number < number]
    found = [each for each in earlier if each.endpoint_config in replaced] or earlier
    if not found:
        where = f"before build {number}" if number else f"in {service.label}"
        raise RollbackError(f"No build {where} deployed its model, so there is nothing to roll back to.")
    return found[0]


def _describe_outcome(record: BuildRecord) -> str:
    if not record.has_ended:
        return f"build {record.number} has not ended"
    if not record.has_succeeded:
        return f"build {record.number} {VERBS[record.status]}"
    return f"build {record.number} deployed no model"


def _has_model(service: Service, record: BuildRecord) -> bool:
    """Return False when the record's model or endpoint configuration was deleted."""
    if record.model not in describe_models(service, record.endpoint_config):
        return False
    with aws_call(f"describe the model {record.model}"), suppress_code("ValidationException"):
        service.sagemaker.describe_model(ModelName=record.model)
        return True
    return False
