"""Plans a build: parses the parameters, examines everything that the build needs, and writes every request."""

# The keys are those of the state machine.
# ruff: noqa: N815

from __future__ import annotations

from sagebuild.builds.context import BuildContext
from sagebuild.builds.pipelines import record_spoken_names
from sagebuild.builds.records import NOT_ENDED, BuildRecord, update_build
from sagebuild.cost.estimate import plan_cost
from sagebuild.errors import BuildNotFoundError
from sagebuild.images.byod import plan_images
from sagebuild.launch.schedules import request_schedule
from sagebuild.names import name_resource
from sagebuild.parameters import BuildParameters
from sagebuild.parameters.overrides import parse_build
from sagebuild.parameters.store import read_document
from sagebuild.plan.access import examine_access
from sagebuild.plan.codebuild_quotas import examine_codebuild_quotas
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
from sagebuild.plan.grants import examine_repository, examine_topics
from sagebuild.plan.inputs import describe_inputs
from sagebuild.plan.keys import examine_keys
from sagebuild.plan.outputs import examine_outputs
from sagebuild.plan.preflight import examine_account, examine_images, examine_inputs, examine_quotas
from sagebuild.plan.quotas import count_needs
from sagebuild.plan.requests import plan_requests
from sagebuild.plan.steps import examine_steps
from sagebuild.plan.transform import examine_transform
from sagebuild.plan.uses import record_running
from sagebuild.requests.bodies import Body, build_tags, read_channels
from sagebuild.requests.git_source import list_source_tags, plan_source
from sagebuild.requests.hooks import plan_execution
from sagebuild.requests.script_mode import PackingPlan, plan_packing
from sagebuild.running.step_jobs import to_attributes
from sagebuild.service import Service
from sagebuild.steps.approval import ApprovalPlan, plan_approval
from sagebuild.steps.evaluation import JobsPlan, list_step_jobs, plan_evaluation, plan_processing
from sagebuild.steps.gate import GatePlan, find_gate_problems, plan_gate
from sagebuild.steps.package import PackagePlan, plan_package
from sagebuild.steps.transform import TransformPlan, list_transform_jobs, plan_transform


class BuildPlan(DeploymentPlan):
    """Everything that the state machine needs for one build."""

    training: Body | None  # CreateTrainingJob, in mode "train"
    tuning: Body | None  # CreateHyperParameterTuningJob, in mode "tune"
    evaluation: JobsPlan
    transform: TransformPlan
    quality: GatePlan
    packing: PackingPlan
    model: Body  # CreateModel, without the trained artifacts
    register: PackagePlan
    endpointConfig: Body
    approval: ApprovalPlan
    deploy: bool


def plan_build(service: Service, record: BuildRecord) -> BuildPlan:
    """Plan a launched build, and add the plan's facts to its record.

    Raises
    ------
    ParameterError
        The document is invalid.
    PreflightError
        Something that the build needs is missing; the message has a line for each problem.
    BuildNotFoundError
        The build has ended.
    """
    text = read_document(service)
    parameters = parse_build(service.settings, text, record.overrides)
    request_schedule(service)
    record_spoken_names(service, parameters.spokennames)
    context, findings = BuildContext(service, record.number, parameters), Findings()
    requests, live = plan_requests(context, findings), describe_live(service)
    context = requests.context
    bodies, artifacts = requests.bodies, requests.training.artifacts if requests.training else None
    if requests.are_valid:
        # Written before the others are read: of two builds that are planned at once, the second one sees the first.
        needs = count_needs(bodies, deploys=parameters.deployEndpoint)
        record_running(service, record.number, needs)
        examine_quotas(service, needs, live.endpoint, findings)
    examine_codebuild_quotas(service, parameters, findings)
    examine_access(context, bodies, artifacts, findings)
    examine_keys(context, bodies, findings)
    examine_topics(context, bodies, findings)
    examine_repository(context, findings)
    examine_inputs(context, artifacts, findings)
    examine_steps(context, findings)
    examine_transform(context, findings)
    examine_outputs(context, findings)
    examine_images(context, findings)
    examine_account(context, live.endpoint, findings)
    examine_deployment(context, findings)
    findings.problems += find_gate_problems(context, artifacts)
    examine_scaling(service, live, read_instance_type(bodies["endpointConfig"]), findings)
    examine_component(service, bodies["endpointConfig"], parameters, live.endpoint, findings)
    findings.raise_problems()
    assert requests.training, "a build without a model has a problem"
    config = name_resource(service, record.number)
    deployment, deployment_record = plan_deployment(
        context, live, bodies["endpointConfig"], config, build_tags(context)
    )
    images = plan_images(context)
    plan: BuildPlan = {
        **deployment,
        "preprocess": plan_execution(context, "preprocess", _name_channels(context)),
        "source": plan_source(context),
        "images": images,
        "mode": requests.training.mode,
        "training": bodies.get("training"),
        "tuning": bodies.get("tuning"),
        "artifacts": artifacts,
        "processing": plan_processing(bodies),
        "evaluation": plan_evaluation(context, bodies),
        "transform": plan_transform(context, bodies),
        "quality": plan_gate(context),
        "packing": plan_packing(context),
        "model": bodies["model"],
        "register": plan_package(context, bodies, artifacts),
        "endpointConfig": bodies["endpointConfig"],
        "approval": plan_approval(context),
        "deploy": parameters.deployEndpoint,
    }
    recorded = update_build(
        service,
        record.number,
        only_if=NOT_ENDED,
        status="running",
        parameters=text,
        notes=findings.notes,
        inference_image=requests.images["inference"],
        image_builds=[*list_source_tags(context), *(build["tag"] for build in images["builds"])],
        model=config,
        endpoint_config=config if parameters.deployEndpoint else "",
        inputs=describe_inputs(context),
        keep_builds=parameters.keepbuilds,
        cost_limit=requests.cost_limit,
        step_jobs=to_attributes([*list_step_jobs(context, bodies), *list_transform_jobs(context, bodies)]),
        **plan_cost(context, bodies),
        **requests.training.record,
        **deployment_record,
    )
    if not recorded:
        raise BuildNotFoundError(f"Build {record.number} has ended; start a new build.")
    return plan


def _name_channels(context: BuildContext[BuildParameters]) -> dict[str, dict[str, str | None]]:
    channels = read_channels(context) if context.parameters.has_training else {}
    return {"channels": {name: channel.uri or str(channel.filesystem) for name, channel in channels.items()}}
