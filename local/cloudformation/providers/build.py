"""State machines, CodeBuild projects, ECR repositories, model package groups, CloudWatch alarms and dashboards."""

import json
import re
from typing import Any

from local import partitions
from local.cloudformation.errors import ResourceError
from local.cloudformation.providers.base import Attributes, Provider, Task, camel, document, tag_list
from local.cloudformation.schemas import text


def _definition(task: Task) -> str:
    if "DefinitionS3Location" in task.properties:
        place = task["DefinitionS3Location"]
        version = {"VersionId": place["Version"]} if "Version" in place else {}
        answer = task.client("s3").get_object(Bucket=place["Bucket"], Key=place["Key"], **version)
        source = answer["Body"].read().decode()
    elif "Definition" in task.properties:
        source = json.dumps(task["Definition"])
    else:
        source = task["DefinitionString"]
    values = {name: text(value) for name, value in task.get("DefinitionSubstitutions", {}).items()}
    return re.sub(r"\$\{([A-Za-z0-9_]+)\}", lambda found: values.get(found[1], found[0]), source)


def _machine_settings(task: Task) -> dict[str, Any]:
    return {
        "definition": _definition(task),
        "roleArn": task["RoleArn"],
        "loggingConfiguration": camel(task.get("LoggingConfiguration", {"Level": "OFF"})),
        "tracingConfiguration": camel(task.get("TracingConfiguration", {"Enabled": False})),
    }


def _create_machine(task: Task) -> Attributes:
    kind = {"type": task["StateMachineType"]} if "StateMachineType" in task.properties else {}
    name = task["StateMachineName"]
    tags = tag_list(task.tags, "key", "value")
    arn = task.api.create_state_machine(name=name, **kind, **_machine_settings(task), tags=tags)["stateMachineArn"]
    return {"Ref": arn, "Arn": arn, "Name": name}


def _update_machine(task: Task) -> None:
    task.api.update_state_machine(stateMachineArn=task.physical_id, **_machine_settings(task))
    task.retag(
        lambda tags: task.api.tag_resource(resourceArn=task.physical_id, tags=tag_list(tags, "key", "value")),
        lambda keys: task.api.untag_resource(resourceArn=task.physical_id, tagKeys=keys),
    )


_PROJECT = (
    "Name Description Source SourceVersion SecondarySources SecondarySourceVersions Artifacts SecondaryArtifacts Cache "
    "Environment ServiceRole TimeoutInMinutes QueuedTimeoutInMinutes EncryptionKey VpcConfig LogsConfig "
    "ConcurrentBuildLimit"
)


def _project(task: Task) -> dict[str, Any]:
    given = camel(task.pick(_PROJECT))
    source = given["source"]
    # The only name that differs from CloudFormation's in more than its first letter.
    given["source"] = {"buildspec" if key == "buildSpec" else key: value for key, value in source.items()}
    return {**given, "tags": tag_list(task.tags, "key", "value")}


def _create_project(task: Task) -> Attributes:
    project = task.api.create_project(**_project(task))["project"]
    return {"Ref": project["name"], "Arn": project["arn"], "Id": project["name"]}


def _update_project(task: Task) -> None:
    task.api.update_project(**_project(task))


def _create_repository(task: Task) -> Attributes:
    names = "RepositoryName ImageTagMutability ImageScanningConfiguration EncryptionConfiguration"
    tags = tag_list(task.tags)
    repository = task.api.create_repository(**camel(task.pick(names)), tags=tags)["repository"]
    return {
        "Ref": repository["repositoryName"],
        "Arn": repository["repositoryArn"],
        "RepositoryUri": repository["repositoryUri"],
    }


def _update_repository(task: Task) -> None:
    repository = {"repositoryName": task.physical_id}
    if task.changed("ImageTagMutability"):
        mutability = task.get("ImageTagMutability", "MUTABLE")
        task.api.put_image_tag_mutability(**repository, imageTagMutability=mutability)
    if task.changed("ImageScanningConfiguration"):
        scanning = camel(task.get("ImageScanningConfiguration", {"ScanOnPush": False}))
        task.api.put_image_scanning_configuration(**repository, imageScanningConfiguration=scanning)
    if task.changed("Tags"):
        arn = task.api.describe_repositories(repositoryNames=[task.physical_id])["repositories"][0]["repositoryArn"]
        task.retag(
            lambda tags: task.api.tag_resource(resourceArn=arn, tags=tag_list(tags)),
            lambda keys: task.api.untag_resource(resourceArn=arn, tagKeys=keys),
        )


def _configure_repository(task: Task) -> None:
    repository = {"repositoryName": task.physical_id}
    if task.changed("LifecyclePolicy"):
        if policy := task.get("LifecyclePolicy", {}).get("LifecyclePolicyText"):
            task.api.put_lifecycle_policy(**repository, lifecyclePolicyText=policy)
        else:
            task.api.delete_lifecycle_policy(**repository)
    if task.changed("RepositoryPolicyText"):
        if policy := task.get("RepositoryPolicyText"):
            task.api.set_repository_policy(**repository, policyText=document(policy))
        else:
            task.api.delete_repository_policy(**repository)


def _create_package_group(task: Task) -> Attributes:
    answer = task.api.create_model_package_group(
        **task.pick("ModelPackageGroupName ModelPackageGroupDescription"), Tags=tag_list(task.tags)
    )
    return {"Ref": answer["ModelPackageGroupArn"], "ModelPackageGroupArn": answer["ModelPackageGroupArn"]}


def _retag_package_group(task: Task) -> None:
    task.retag(
        lambda tags: task.api.add_tags(ResourceArn=task.physical_id, Tags=tag_list(tags)),
        lambda keys: task.api.delete_tags(ResourceArn=task.physical_id, TagKeys=keys),
    )


_ALARM = (
    "AlarmName AlarmDescription ActionsEnabled OKActions AlarmActions InsufficientDataActions MetricName Namespace "
    "Statistic ExtendedStatistic Dimensions Period Unit EvaluationPeriods DatapointsToAlarm Threshold "
    "ComparisonOperator TreatMissingData EvaluateLowSampleCountPercentile Metrics ThresholdMetricId"
)


def _put_alarm(task: Task) -> Attributes:
    name = task["AlarmName"]
    account = task.stack_id.split(":")[4]
    arn = f"arn:{partitions.of(task.region)}:cloudwatch:{task.region}:{account}:alarm:{name}"
    new = {} if task.before else {"Tags": tag_list(task.tags)}
    task.api.put_metric_alarm(**task.pick(_ALARM), **new)
    if task.before:
        task.retag(
            lambda tags: task.api.tag_resource(ResourceARN=arn, Tags=tag_list(tags)),
            lambda keys: task.api.untag_resource(ResourceARN=arn, TagKeys=keys),
        )
    return {"Ref": name, "Arn": arn}


def _put_dashboard(task: Task) -> Attributes:
    try:
        json.loads(task["DashboardBody"])
    except ValueError as error:
        raise ResourceError(f"The dashboard body is invalid, it is not JSON: {error}") from None
    task.api.put_dashboard(DashboardName=task["DashboardName"], DashboardBody=task["DashboardBody"])
    return {"Ref": task["DashboardName"]}


PROVIDERS = {
    "AWS::StepFunctions::StateMachine": Provider(
        "stepfunctions",
        "StateMachineName StateMachineType Definition DefinitionString DefinitionS3Location DefinitionSubstitutions "
        "RoleArn LoggingConfiguration TracingConfiguration Tags",
        _create_machine,
        lambda task: task.api.delete_state_machine(stateMachineArn=task.physical_id),
        update=_update_machine,
        name="StateMachineName",
    ),
    "AWS::CodeBuild::Project": Provider(
        "codebuild",
        f"{_PROJECT} Tags",
        _create_project,
        lambda task: task.api.delete_project(name=task.physical_id),
        update=_update_project,
        name="Name",
    ),
    "AWS::ECR::Repository": Provider(
        "ecr",
        "RepositoryName ImageTagMutability ImageScanningConfiguration EncryptionConfiguration LifecyclePolicy "
        "RepositoryPolicyText EmptyOnDelete Tags",
        _create_repository,
        lambda task: task.api.delete_repository(
            repositoryName=task.physical_id, force=task.get("EmptyOnDelete", False)
        ),
        _configure_repository,
        _update_repository,
        name="RepositoryName",
        lower=True,
    ),
    "AWS::SageMaker::ModelPackageGroup": Provider(
        "sagemaker",
        "ModelPackageGroupName ModelPackageGroupDescription Tags",
        _create_package_group,
        lambda task: task.api.delete_model_package_group(**task.pick("ModelPackageGroupName")),
        update=_retag_package_group,
    ),
    "AWS::CloudWatch::Alarm": Provider(
        "cloudwatch",
        f"{_ALARM} Tags",
        _put_alarm,
        lambda task: task.api.delete_alarms(AlarmNames=[task.physical_id]),
        update=_put_alarm,
        name="AlarmName",
    ),
    "AWS::CloudWatch::Dashboard": Provider(
        "cloudwatch",
        "DashboardName DashboardBody",
        _put_dashboard,
        lambda task: task.api.delete_dashboards(DashboardNames=[task.physical_id]),
        update=_put_dashboard,
        name="DashboardName",
    ),
}
