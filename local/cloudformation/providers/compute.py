"""Lambda functions, versions, aliases, layers, permissions and event sources, and log groups."""

import io
import zipfile
from typing import Any

from local import partitions
from local.cloudformation.providers.base import Attributes, Provider, Task, delete_if_exists, random_suffix

# AWS's defaults; an update must send them, or the former value would stay.
_FUNCTION_DEFAULTS: dict[str, Any] = {
    "Description": "",
    "Environment": {"Variables": {}},
    "EphemeralStorage": {"Size": 512},
    "Layers": [],
    "MemorySize": 128,
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
}
_FUNCTION_SETTINGS = "Handler Role Runtime KmsKeyArn DeadLetterConfig LoggingConfig VpcConfig ImageConfig"
_EVENT_SOURCE_SETTINGS = (
    "FunctionName BatchSize BisectBatchOnFunctionError DestinationConfig Enabled FilterCriteria FunctionResponseTypes "
    "MaximumBatchingWindowInSeconds MaximumRecordAgeInSeconds MaximumRetryAttempts ParallelizationFactor "
    "ScalingConfig TumblingWindowInSeconds"
)


def _code(task: Task) -> dict[str, Any]:
    code = dict(task["Code"])
    if source := code.get("ZipFile"):
        name = "index.py" if task.get("Runtime", "").startswith("python") else "index.js"
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as files:
            files.writestr(zipfile.ZipInfo(name), source)
        code["ZipFile"] = archive.getvalue()
    return code


def _function_attributes(answer: dict[str, Any]) -> Attributes:
    return {"Ref": answer["FunctionName"], "Arn": answer["FunctionArn"]}


def _create_function(task: Task) -> Attributes:
    names = f"FunctionName PackageType Architectures {' '.join(_FUNCTION_DEFAULTS)} {_FUNCTION_SETTINGS}"
    return _function_attributes(task.api.create_function(**task.pick(names), Code=_code(task), Tags=task.tags))


def _update_function(task: Task) -> None:
    function = {"FunctionName": task.physical_id}
    settings = [*_FUNCTION_DEFAULTS, *_FUNCTION_SETTINGS.split()]
    if task.changed("Code", "Architectures"):
        task.api.update_function_code(**function, **task.pick("Architectures"), **_code(task))
    if task.changed(*settings):
        cleared: dict[str, Any] = {name: {} for name in ("DeadLetterConfig", "VpcConfig") if name in task.before}
        wanted = cleared | task.pick(_FUNCTION_SETTINGS, **_FUNCTION_DEFAULTS)
        task.api.update_function_configuration(**function, **wanted)
    if task.changed("Tags"):
        arn = task.api.get_function_configuration(**function)["FunctionArn"]
        task.retag(
            lambda tags: task.api.tag_resource(Resource=arn, Tags=tags),
            lambda keys: task.api.untag_resource(Resource=arn, TagKeys=keys),
        )


def _configure_function(task: Task) -> None:
    if task.changed("ReservedConcurrentExecutions"):
        function = {"FunctionName": task.physical_id}
        if "ReservedConcurrentExecutions" in task.properties:
            task.api.put_function_concurrency(**function, **task.pick("ReservedConcurrentExecutions"))
        else:
            delete_if_exists(task.api.delete_function_concurrency, **function)


def _create_version(task: Task) -> Attributes:
    answer = task.api.publish_version(**task.pick("FunctionName CodeSha256 Description"))
    return {"Ref": answer["FunctionArn"], "FunctionArn": answer["FunctionArn"], "Version": answer["Version"]}


def _delete_version(task: Task) -> None:
    task.api.delete_function(FunctionName=task["FunctionName"], Qualifier=task.physical_id.rpartition(":")[2])


def _create_alias(task: Task) -> Attributes:
    answer = task.api.create_alias(**task.pick("FunctionName Name FunctionVersion Description RoutingConfig"))
    return {"Ref": answer["AliasArn"], "AliasArn": answer["AliasArn"]}


def _update_alias(task: Task) -> None:
    task.api.update_alias(
        **task.pick("FunctionName Name FunctionVersion", Description="", RoutingConfig={"AdditionalVersionWeights": {}})
    )


def _create_layer(task: Task) -> Attributes:
    names = "LayerName Description Content CompatibleArchitectures CompatibleRuntimes LicenseInfo"
    arn = task.api.publish_layer_version(**task.pick(names))["LayerVersionArn"]
    return {"Ref": arn, "LayerVersionArn": arn}


def _delete_layer(task: Task) -> None:
    layer, _, version = task.physical_id.rpartition(":")
    task.api.delete_layer_version(LayerName=layer, VersionNumber=int(version))


def _create_permission(task: Task) -> Attributes:
    statement = f"{task.stack_id.split('/')[1]}-{task.logical_id}"[:87] + f"-{random_suffix()}"
    task.api.add_permission(**task.pick(_PERMISSION), StatementId=statement)
    return {"Ref": statement, "Id": statement}


def _create_event_source(task: Task) -> Attributes:
    names = f"{_EVENT_SOURCE_SETTINGS} EventSourceArn StartingPosition Tags"
    answer = task.api.create_event_source_mapping(**task.pick(names))
    return {"Ref": answer["UUID"], "Id": answer["UUID"], "EventSourceMappingArn": answer.get("EventSourceMappingArn")}


def _update_event_source(task: Task) -> None:
    task.api.update_event_source_mapping(
        UUID=task.physical_id,
        **task.pick(_EVENT_SOURCE_SETTINGS, Enabled=True, FilterCriteria={}, FunctionResponseTypes=[]),
    )


def _put_invoke_config(task: Task) -> None:
    task.api.put_function_event_invoke_config(
        **task.pick("FunctionName Qualifier DestinationConfig MaximumEventAgeInSeconds MaximumRetryAttempts")
    )


def _create_log_group(task: Task) -> Attributes:
    name = task["LogGroupName"]
    options = {"kmsKeyId": "KmsKeyId", "logGroupClass": "LogGroupClass"}
    given = {option: task[name] for option, name in options.items() if name in task.properties}
    tags = {"tags": task.tags} if task.tags else {}
    task.api.create_log_group(logGroupName=name, **given, **tags)
    account = task.stack_id.split(":")[4]
    return {"Ref": name, "Arn": f"arn:{partitions.of(task.region)}:logs:{task.region}:{account}:log-group:{name}:*"}


def _configure_log_group(task: Task) -> None:
    group = {"logGroupName": task.physical_id}
    if "RetentionInDays" in task.properties:
        task.api.put_retention_policy(**group, retentionInDays=task["RetentionInDays"])
    elif "RetentionInDays" in task.before:
        delete_if_exists(task.api.delete_retention_policy, **group)


def _retag_log_group(task: Task) -> None:
    task.retag(
        lambda tags: task.api.tag_log_group(logGroupName=task.physical_id, tags=tags),
        lambda keys: task.api.untag_log_group(logGroupName=task.physical_id, tags=keys),
    )


_PERMISSION = (
    "FunctionName Action Principal SourceArn SourceAccount EventSourceToken PrincipalOrgID FunctionUrlAuthType "
    "InvokedViaFunctionUrl"
)

PROVIDERS = {
    "AWS::Lambda::Function": Provider(
        "lambda",
        f"FunctionName PackageType Architectures Code {' '.join(_FUNCTION_DEFAULTS)} {_FUNCTION_SETTINGS} "
        "ReservedConcurrentExecutions Tags",
        _create_function,
        lambda task: task.api.delete_function(FunctionName=task.physical_id),
        _configure_function,
        _update_function,
        name="FunctionName",
    ),
    "AWS::Lambda::Version": Provider("lambda", "FunctionName CodeSha256 Description", _create_version, _delete_version),
    "AWS::Lambda::Alias": Provider(
        "lambda",
        "FunctionName Name FunctionVersion Description RoutingConfig",
        _create_alias,
        lambda task: task.api.delete_alias(**task.pick("FunctionName Name")),
        update=_update_alias,
    ),
    "AWS::Lambda::LayerVersion": Provider(
        "lambda",
        "LayerName Description Content CompatibleArchitectures CompatibleRuntimes LicenseInfo",
        _create_layer,
        _delete_layer,
        name="LayerName",
        # Its id is the ARN of one version, and every update publishes another version:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-layerversion.html
        has_versions=True,
    ),
    "AWS::Lambda::Permission": Provider(
        "lambda",
        _PERMISSION,
        _create_permission,
        lambda task: task.api.remove_permission(**task.pick("FunctionName"), StatementId=task.physical_id),
    ),
    "AWS::Lambda::EventSourceMapping": Provider(
        "lambda",
        f"{_EVENT_SOURCE_SETTINGS} EventSourceArn StartingPosition Tags",
        _create_event_source,
        lambda task: task.api.delete_event_source_mapping(UUID=task.physical_id),
        update=_update_event_source,
    ),
    "AWS::Lambda::EventInvokeConfig": Provider(
        "lambda",
        "FunctionName Qualifier DestinationConfig MaximumEventAgeInSeconds MaximumRetryAttempts",
        lambda task: {"Ref": f"{task['FunctionName']}|{task['Qualifier']}"},
        lambda task: task.api.delete_function_event_invoke_config(**task.pick("FunctionName Qualifier")),
        _put_invoke_config,
    ),
    "AWS::Logs::LogGroup": Provider(
        "logs",
        "LogGroupName KmsKeyId LogGroupClass RetentionInDays Tags",
        _create_log_group,
        lambda task: task.api.delete_log_group(logGroupName=task.physical_id),
        _configure_log_group,
        _retag_log_group,
        name="LogGroupName",
        replaces="LogGroupClass",
    ),
}
