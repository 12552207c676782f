"""Derives the ARNs of a call's resources, by service."""

from collections.abc import Callable, Iterator
from typing import Any

from moto.iam.models import iam_backends
from moto.kms.models import kms_backends

from local import accounts, partitions
from local.audit.resource_names import LISTS_OF_ONE, NAMED, ON_EVERYTHING, split_qualifier
from local.calls import Call


def of(call: Call) -> Iterator[str | None]:
    """The ARNs of a call's resources: ``*`` for an action without any, None when not derived."""
    if call.action in ON_EVERYTHING or _lists_all(call):
        yield "*"
    elif call.prefix in _DERIVED or call.prefix in NAMED:
        derived: list[str | None] = list(_DERIVED.get(call.prefix, _first_named)(call))
        yield from derived or [_name_nothing(call)]
    else:
        yield None


def _name_nothing(call: Call) -> str | None:
    """``*`` for a call that can do without any name, such as a list; None if a member that is not known names it."""
    shape = call.operation.input_shape
    # A message of SNS to a telephone has no topic: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
    return None if shape and shape.required_members and "PhoneNumber" not in call.parameters else "*"


def table(call: Call, name: str) -> str:
    """The ARN of a DynamoDB table, given by name or ARN."""
    return _arn(call, "table/{}", name)


def copied_object(source: Any) -> str:
    """The ARN of the object in CopySource."""
    return f"arn:{partitions.current()}:s3:::{str(source).lstrip('/').split('?')[0]}"


def deleted_versions(call: Call) -> Iterator[str]:
    """The ARNs of the objects of which a call deletes one version."""
    for item in [call.parameters, *call.parameters.get("Delete", {}).get("Objects", [])]:
        if item.get("VersionId"):
            yield f"arn:{partitions.of(call.region)}:s3:::{call.parameters['Bucket']}/{item['Key']}"


def _lists_all(call: Call) -> bool:
    """False for calls other than SageMaker's lists, whose names are filters; in IAM their resource is ``*``."""
    name = call.operation.name
    return call.prefix == "sagemaker" and name.startswith("List") and name not in LISTS_OF_ONE


def _arn(call: Call, template: str, name: str, service: str = "") -> str:
    if name.startswith("arn:"):
        return name
    place = f"arn:{partitions.of(call.region)}:{service or call.prefix}:{call.region}:{accounts.current()}"
    return f"{place}:{template.format(name)}"


def _values(call: Call, *members: str) -> list[str]:
    """The names in the first of these members that is set."""
    for member in members:
        given = call.parameters.get(member)
        if given:
            return [str(one) for one in given] if isinstance(given, list) else [str(given)]
    return []


def _first_named(call: Call) -> Iterator[str]:
    templates = NAMED[call.prefix]
    member = next((member for member in templates if call.parameters.get(member)), None)
    if member:
        yield from (_arn(call, templates[member], name) for name in _values(call, member))


def _sagemaker(call: Call) -> Iterator[str]:
    if call.operation.name == "CreateModelPackage":
        # A version of the group: https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-version.html
        yield from (_arn(call, "model-package/{}/*", name) for name in _values(call, "ModelPackageGroupName"))
        return
    yield from _first_named(call)
    if call.operation.name in ("CreateEndpoint", "UpdateEndpoint"):
        yield from (_arn(call, "endpoint-config/{}", name) for name in _values(call, "EndpointConfigName"))
    if call.parameters.get("InferenceComponentName") and call.operation.name.startswith(("Create", "Invoke")):
        yield from (_arn(call, "endpoint/{}", name) for name in _values(call, "EndpointName"))


def _cloudwatch(call: Call) -> Iterator[str]:
    """The ARN of a dashboard has no region."""
    for name in _values(call, "DashboardName", "DashboardNames"):
        yield f"arn:{partitions.of(call.region)}:cloudwatch::{accounts.current()}:dashboard/{name}"
    yield from _first_named(call)


def _application_autoscaling(call: Call) -> Iterator[str]:
    """AWS generates the ids of scalable targets, so policies name them only by wildcard."""
    if not call.operation.name.startswith("Describe"):
        yield _arn(call, "scalable-target/{}", str(call.parameters["ResourceId"]).replace("/", "-"))


def _codebuild(call: Call) -> Iterator[str]:
    yield from _first_named(call)
    for build in _values(call, "ids", "id"):
        yield _arn(call, "project/{}", build.split("/")[-1].split(":")[0])


def _dynamodb(call: Call) -> Iterator[str]:
    # moto's iterators begin with the ARN of their stream.
    yield from (name.split("|")[0] for name in _values(call, "ShardIterator"))
    for resource in _first_named(call):
        index = call.parameters.get("IndexName")
        yield f"{resource}/index/{index}" if index else resource


def _events(call: Call) -> Iterator[str]:
    if call.operation.name == "PutEvents":
        for entry in call.parameters.get("Entries", []):
            yield _arn(call, "event-bus/{}", entry.get("EventBusName", "default"))
    elif call.operation.name.endswith("Connection"):
        yield from (_arn(call, "connection/{}", name) for name in _values(call, "Name"))
    elif call.operation.name.endswith("ApiDestination"):
        yield from (_arn(call, "api-destination/{}", name) for name in _values(call, "Name"))
    elif call.operation.name.endswith("EventBus"):
        yield from (_arn(call, "event-bus/{}", name) for name in _values(call, "Name"))
    else:
        bus = str(call.parameters.get("EventBusName", "default")).split("/")[-1]
        folder = "" if bus == "default" else f"{bus}/"
        yield from (_arn(call, f"rule/{folder}{{}}", name) for name in _values(call, "Rule", "Name", "ResourceARN"))


def _iam(call: Call) -> Iterator[str]:
    roles = iam_backends[accounts.current()][partitions.current()].get_roles()
    for name in _values(call, "RoleName"):
        known = [role.arn for role in roles if role.name == name]
        path = call.parameters.get("Path", "/")
        yield known[0] if known else f"arn:{partitions.current()}:iam::{accounts.current()}:role{path}{name}"
    yield from _values(call, "PolicyArn") if "RoleName" not in call.parameters else []


def _kms(call: Call) -> Iterator[str]:
    """A call that names an alias needs the permission for its key; no ARN of an alias stands in a policy."""
    for name in _values(call, "KeyId"):
        own = kms_backends[accounts.current()][call.region].any_id_to_key_id(name)
        yield name if ":key/" in name else _arn(call, "key/{}", own)


def _lambda(call: Call) -> Iterator[str]:
    qualifier = call.parameters.get("Qualifier")
    # The function of a mapping is no resource of a call that changes the mapping.
    for name in [] if call.parameters.get("UUID") else _values(call, "FunctionName"):
        resource = _arn(call, "function:{}", name.removeprefix(f"{accounts.current()}:function:"))
        yield f"{resource}:{qualifier}" if qualifier else resource
    for name in _values(call, "LayerName"):
        version = call.parameters.get("VersionNumber")
        yield _arn(call, f"layer:{{}}:{version}" if version else "layer:{}", name)
    yield from (_arn(call, "event-source-mapping:{}", name) for name in _values(call, "UUID"))
    yield from _values(call, "Resource")


def _logs(call: Call) -> Iterator[str]:
    """The ARN of a group has an empty stream: ``log-group:<name>:*`` allows it and ``<name>`` does not."""
    stream = call.parameters.get("logStreamName", "")
    groups = _values(call, "logGroupName", "logGroupIdentifier", "logGroupNames", "logGroupIdentifiers")
    if call.operation.name == "DescribeLogGroups":
        groups = [""]
    for group in groups:
        yield _arn(call, "log-group:{}", group).removesuffix(":*") + f":log-stream:{stream}"
    yield from _values(call, "resourceArn")


def _s3(call: Call) -> Iterator[str]:
    bucket, key = call.parameters.get("Bucket"), call.parameters.get("Key")
    deleted = call.parameters.get("Delete", {}).get("Objects", [])
    for name in [item["Key"] for item in deleted] or ([key] if key else []):
        yield f"arn:{partitions.of(call.region)}:s3:::{bucket}/{name}"
    if bucket and not key and not deleted:
        yield f"arn:{partitions.of(call.region)}:s3:::{bucket}"


def _scheduler(call: Call) -> Iterator[str]:
    yield from _values(call, "ResourceArn")
    if call.operation.name.endswith("ScheduleGroup"):
        yield from (_arn(call, "schedule-group/{}", name) for name in _values(call, "Name"))
        return
    group = call.parameters.get("GroupName", "default")
    yield from (_arn(call, f"schedule/{group}/{{}}", name) for name in _values(call, "Name"))


def _service_quotas(call: Call) -> Iterator[str]:
    service = call.parameters.get("ServiceCode")
    yield from (_arn(call, f"{service}/{{}}", name) for name in _values(call, "QuotaCode"))


def _sqs(call: Call) -> Iterator[str]:
    for name in _values(call, "QueueUrl", "QueueName", "SourceArn"):
        yield _arn(call, "{}", name if name.startswith("arn:") else name.split("/")[-1])


def _states(call: Call) -> Iterator[str]:
    """The ARN of a version or alias counts as that of its state machine.

    https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html
    """
    if call.operation.name == "CreateActivity":
        yield from (_arn(call, "activity:{}", name) for name in _values(call, "name"))
    elif call.operation.name == "CreateStateMachineAlias":
        routes = call.parameters.get("routingConfiguration") or []
        yield from sorted({split_qualifier(str(each["stateMachineVersionArn"]))[0] for each in routes})
    else:
        yield from (split_qualifier(arn)[0] for arn in _first_named(call))


def _ssm(call: Call) -> Iterator[str]:
    """The ARN has one slash after "parameter", with or without one at the start of the parameter's name."""
    for name in _values(call, "Name", "Names", "Path", "ResourceId"):
        plain = name if name.startswith("arn:") else name.split(":")[0].strip("/")
        yield _arn(call, "parameter/{}", plain)


_DERIVED: dict[str, Callable[[Call], Iterator[str]]] = {
    "application-autoscaling": _application_autoscaling,
    "cloudwatch": _cloudwatch,
    "codebuild": _codebuild,
    "dynamodb": _dynamodb,
    "events": _events,
    "iam": _iam,
    "kms": _kms,
    "lambda": _lambda,
    "logs": _logs,
    "s3": _s3,
    "sagemaker": _sagemaker,
    "scheduler": _scheduler,
    "servicequotas": _service_quotas,
    "sqs": _sqs,
    "ssm": _ssm,
    "states": _states,
}
