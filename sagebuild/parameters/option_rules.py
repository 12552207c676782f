"""The rules that involve an option and other parameters."""

from collections.abc import Iterator

from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.instance_facts import has_local_storage, processor_of
from sagebuild.parameters.common import BuildParameters
from sagebuild.parameters.deployment_options import LONGEST_DEPLOYMENT
from sagebuild.parameters.evaluation_names import EVALUATED
from sagebuild.parameters.rules import Rule, rule_of
from sagebuild.parameters.shown import show_name, show_value

OPTION_RULES: list[Rule] = []
_rule = rule_of(OPTION_RULES)

# Brings the script to a training without a network; the SageMaker SDK uses the same name.
CODE_CHANNEL = "code"


@_rule("subnets", "securitygroups")
def _subnets_and_security_groups_need_each_other(parameters: BuildParameters) -> Iterator[str]:
    if bool(parameters.subnets) != bool(parameters.securitygroups):
        given, missing = ("subnets", "securitygroups") if parameters.subnets else ("securitygroups", "subnets")
        yield f"{given} needs {missing}; give both, or neither."


@_rule("git_config", "trainsourcefile", "dependencies")
def _a_script_has_one_source(parameters: BuildParameters) -> Iterator[str]:
    git = getattr(parameters, "git_config", None)
    if git and getattr(parameters, "trainsourcefile", None):
        yield "git_config and trainsourcefile are both given; give one of them."
    if not git and getattr(parameters, "dependencies", None):
        yield (
            "dependencies needs git_config, whose repository contains them; without it, pack them with 'sagebuild "
            "upload source FOLDER --dependency FOLDER', and leave out dependencies."
        )


@_rule("volumekmskey", "traininstancetype", "instancegroups", "processing", "evaluation", "batchtransform")
def _local_storage_has_no_key(parameters: BuildParameters) -> Iterator[str]:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html: VolumeKmsKeyId."""
    if not parameters.volumekmskey:
        return
    jobs = [job for job in (*parameters.processing, parameters.evaluation, parameters.batchtransform) if job]
    types = [job.instancetype for job in jobs]
    types += [each for each, _ in parameters.training_instances if parameters.has_training]
    for each in dict.fromkeys(filter(has_local_storage, types)):
        yield (
            f"volumekmskey is not for {each}, whose local storage is always encrypted with a key of its own; leave out "
            "volumekmskey, or choose instances without local storage."
        )


@_rule("spot", "spotmaxwait", "trainmaxrun")
def _spot_needs_a_maximum_wait(parameters: BuildParameters) -> Iterator[str]:
    run, wait = parameters.trainmaxrun, parameters.spotmaxwait
    if parameters.spot and wait is None:
        yield f"spot is true, which needs spotmaxwait: at least {run:g} hours, as trainmaxrun."
    if not parameters.spot and wait is not None:
        yield "spotmaxwait needs spot true; this document's spot is false."
    if parameters.spot and wait is not None and wait < run:
        yield f"spotmaxwait is {wait:g}; it must be at least trainmaxrun, which is {run:g}."


@_rule("framework", "spot", "spotmaxwait", "checkpoints")
def _algorithms_without_checkpoints_wait_an_hour_at_most(parameters: BuildParameters) -> Iterator[str]:
    most = parameters.facts.spot_hours_without_checkpoints
    if most is None or not parameters.spot or parameters.checkpoints:
        return
    if parameters.spotmaxwait is not None and parameters.spotmaxwait > most:
        yield (
            f"spotmaxwait is {parameters.spotmaxwait:g}; it must be at most {most} for framework "
            f"{parameters.framework} without checkpoints."
        )


@_rule("serverless", "asynchronous", "autoscaling", "subnets", "networkisolation", "pipeline")
def _serverless_endpoints_have_no_instances(parameters: BuildParameters) -> Iterator[str]:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html, feature exclusions.
    if not parameters.serverless:
        return
    for name in ("asynchronous", "autoscaling", "subnets", "networkisolation", "pipeline"):
        if getattr(parameters, name):
            yield f"{name} is not for serverless endpoints; give {name} or serverless."


@_rule("serverless", "ModelArtifacts", "downloadtimeout", "starttimeout", "inferenceami")
def _serverless_endpoints_download_an_archive(parameters: BuildParameters) -> Iterator[str]:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html: ModelDataSource
    if not parameters.serverless:
        return
    if parameters.ModelArtifacts and parameters.ModelArtifacts.endswith("/"):
        yield "ModelArtifacts is a folder; a serverless endpoint needs the address of a model.tar.gz."
    for name in ("downloadtimeout", "starttimeout", "inferenceami"):
        if getattr(parameters, name):
            yield f"{name} is not for serverless endpoints; give {name} or serverless."


@_rule("inferenceami", "hostinstancetype")
def _machine_images_have_drivers_of_one_kind(parameters: BuildParameters) -> Iterator[str]:
    ami, kind = parameters.inferenceami, processor_of(parameters.hostinstancetype)
    if ami and kind not in (wanted := ("inf", "trn") if "-neuron-" in ami else ("gpu",)):
        yield (
            f"inferenceami is {ami}, which is for {' and '.join(wanted)} instances; hostinstancetype is "
            f"{parameters.hostinstancetype}."
        )


@_rule("framework", "bringsmodel", "ModelArtifacts", "skiptrain")
def _an_image_that_brings_its_model_gets_none(parameters: BuildParameters) -> Iterator[str]:
    if not parameters.bringsmodel:
        return
    if not parameters.facts.may_bring_model:
        known = " and ".join(name for name, facts in FRAMEWORKS.items() if facts.may_bring_model)
        yield f"bringsmodel is for framework {known}; the container of {parameters.framework} needs a model."
    for name in ("ModelArtifacts", "skiptrain"):
        if getattr(parameters, name):
            yield f"bringsmodel and {name} are both given; give one of them."


@_rule("datacapture", "serverless", "asynchronous")
def _only_real_time_endpoints_capture_data(parameters: BuildParameters) -> Iterator[str]:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html, feature exclusions, and
    # https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture.html: real-time endpoints.
    if parameters.datacapture and parameters.serverless:
        yield "datacapture is not for serverless endpoints; give datacapture or serverless."
    if parameters.datacapture and parameters.asynchronous:
        yield (
            "datacapture is not for asynchronous endpoints, whose requests and answers are in S3 anyway; give "
            "datacapture or asynchronous."
        )


@_rule("autoscaling", "asynchronous", "inferencecomponent")
def _some_endpoints_scale_to_zero(parameters: BuildParameters) -> Iterator[str]:
    scales = parameters.asynchronous or parameters.inferencecomponent
    if parameters.autoscaling and not parameters.autoscaling.minimum and not scales:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
        yield (
            "autoscaling.minimum is 0; it must be at least 1, unless asynchronous or inferencecomponent is given: "
            "SageMaker scales a real-time endpoint to zero only with an inference component."
        )


@_rule("autoscaling", "inferencecomponent", "hostinstancetype")
def _burstable_instances_do_not_scale(parameters: BuildParameters) -> Iterator[str]:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-add-console.html
    for name in ("autoscaling", "inferencecomponent"):
        if getattr(parameters, name) and parameters.hostinstancetype.startswith("ml.t2."):
            yield (
                f"hostinstancetype is {parameters.hostinstancetype}, which {name} cannot scale; "
                "give another family, such as ml.m5.large."
            )


@_rule("framework", "distribution")
def _frameworks_support_certain_strategies(parameters: BuildParameters) -> Iterator[str]:
    distribution = getattr(parameters, "distribution", None)
    known = parameters.facts.strategies
    if distribution and distribution.strategy not in known:
        yield (
            f"distribution.strategy is {distribution.strategy}; "
            f"it must be {'one of ' if len(known) > 1 else ''}{', '.join(known)} for framework {parameters.framework}."
        )


@_rule("instancegroups", "channels")
def _instance_groups_have_names(parameters: BuildParameters) -> Iterator[str]:
    names = [group.name for group in parameters.instancegroups]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"instancegroups has the name {name} more than once; give each group its own name."
    for channel, settings in parameters.channels.items():
        for name in settings.instancegroups:
            if name not in names:
                known = f"it must be one of {', '.join(names)}" if names else "the document has no instancegroups"
                yield f"channels.{show_name(channel)}.instancegroups has {show_value(name)}; {known}."


@_rule("instancegroups", "distribution")
def _processes_need_instances_of_one_type(parameters: BuildParameters) -> Iterator[str]:
    if parameters.instancegroups and getattr(parameters, "distribution", None):
        yield "distribution is for instances of one type; give distribution or instancegroups."


@_rule("channels", "subnets")
def _file_systems_need_a_network(parameters: BuildParameters) -> Iterator[str]:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DataSource.html
    for name, channel in parameters.channels.items():
        if channel.filesystem and not parameters.subnets:
            yield (
                f"channels.{show_name(name)} has filesystem, which needs subnets and securitygroups of a VPC that "
                "reaches the file system."
            )


@_rule("networkisolation", "requirementsfile")
def _isolated_containers_install_no_packages(parameters: BuildParameters) -> Iterator[str]:
    if parameters.networkisolation and getattr(parameters, "requirementsfile", None):
        yield "requirementsfile needs a network to install from; give requirementsfile or networkisolation."


@_rule("networkisolation", "channels")
def _the_code_channel_is_reserved_with_isolation(parameters: BuildParameters) -> Iterator[str]:
    if parameters.networkisolation and CODE_CHANNEL in parameters.channels:
        yield f"channels.{CODE_CHANNEL} is reserved for the script with networkisolation; rename your channel."


@_rule("guardrails", "serverless")
def _serverless_endpoints_have_no_guardrails(parameters: BuildParameters) -> Iterator[str]:
    if parameters.guardrails and parameters.serverless:
        yield "guardrails is not for serverless endpoints; give guardrails or serverless."


@_rule("guardrails", "hostinstancetype")
def _some_instances_have_no_guardrails(parameters: BuildParameters) -> Iterator[str]:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
    if parameters.guardrails and parameters.hostinstancetype.startswith("ml.inf1."):
        yield (
            f"hostinstancetype is {parameters.hostinstancetype}, for which SageMaker has no guardrails; give another "
            "family, or leave out guardrails."
        )


@_rule("guardrails", "hostinstancecount", "autoscaling")
def _a_step_is_at_most_half_of_the_instances(parameters: BuildParameters) -> Iterator[str]:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrafficRoutingConfig.html
    guardrails, scaling = parameters.guardrails, parameters.autoscaling
    if not guardrails or guardrails.shifting == "ALL_AT_ONCE":
        return
    name, fewest = "hostinstancecount", parameters.hostinstancecount
    if scaling:
        name, fewest = "autoscaling.minimum", scaling.minimum
    step = guardrails.instances or 1  # a percentage is at least one instance
    if fewest < 2 * step:
        yield (
            f"{name} is {fewest}; guardrails.shifting {guardrails.shifting} needs at least {2 * step}, because a "
            "step may have at most half of the instances."
        )
    elif guardrails.shifting == "LINEAR" and guardrails.instances and 10 * step < parameters.largest_count:
        yield (
            f"guardrails.instances is {step}; for shifting LINEAR it must be at least a tenth of the most "
            f"instances, {parameters.largest_count}."
        )


@_rule("guardrails", "hostinstancecount", "autoscaling")
def _a_deployment_ends_in_time(parameters: BuildParameters) -> Iterator[str]:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_BlueGreenUpdatePolicy.html
    if not (guardrails := parameters.guardrails):
        return
    waiting = guardrails.waiting_seconds(parameters.largest_count)
    longest = guardrails.timeout or LONGEST_DEPLOYMENT
    if waiting >= longest:
        limit = "guardrails.timeout" if guardrails.timeout else "SageMaker's limit for an update"
        yield (
            f"guardrails waits {waiting} seconds in total (wait and terminationwait); it must be less than {limit}, "
            f"{longest} seconds."
        )


@_rule("smoketest", "asynchronous")
def _asynchronous_endpoints_have_no_smoke_test(parameters: BuildParameters) -> Iterator[str]:
    if parameters.smoketest and parameters.asynchronous:
        yield "smoketest is not for asynchronous endpoints; give smoketest or asynchronous."


@_rule("schedule", "scheduletimezone")
def _a_time_zone_needs_a_schedule(parameters: BuildParameters) -> Iterator[str]:
    if parameters.scheduletimezone and not parameters.schedule:
        yield "scheduletimezone needs schedule; give both, or neither."


@_rule("evaluation", "qualitygate", "mustimprove")
def _evaluated_metrics_need_an_evaluation(parameters: BuildParameters) -> Iterator[str]:
    for name in ("qualitygate", "mustimprove"):
        asked = getattr(parameters, name)
        if asked and asked.metric.startswith(EVALUATED) and not parameters.evaluation:
            yield f"{name}.metric is {show_value(asked.metric)}, which needs the parameter evaluation."


@_rule("framework", "metrics", "tuningobjective", "qualitygate", "mustimprove")
def _gates_name_defined_metrics(parameters: BuildParameters) -> Iterator[str]:
    if parameters.facts.defines_metrics:
        return
    names = [metric.Name for metric in parameters.metrics]
    names += [parameters.tuningobjective.Name] if parameters.tuningobjective else []
    for name in ("qualitygate", "mustimprove"):
        asked = getattr(parameters, name)
        if asked and asked.metric not in names and not asked.metric.startswith(EVALUATED):
            known = f"give one of {', '.join(names)}, or define it in metrics" if names else "define it in metrics"
            yield f"{name}.metric is {show_value(asked.metric)}, which metrics does not define; {known}."
