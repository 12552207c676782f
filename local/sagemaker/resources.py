"""Shared parts of SageMaker's resources: ARNs, lists, role checks and status events."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Protocol

from moto.sagemaker.exceptions import ValidationError

from local import clients, events, partitions

Json = dict[str, Any]

CONTAINER_BASE = "/opt/ml/"  # in the paths of a request

# Families with a d after the generation: https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html;
# and ml.g5: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html
_LOCAL_STORAGE = re.compile(r"ml\.([a-z]+\d[a-z]*d[a-z]*|g5)\..+")

# The default of MaxResults; AWS's maximum is 100.
_DEFAULT_PAGE = 10


class JobError(Exception):
    """A job fails; the message is the reason."""


class Resource(Protocol):
    """A resource that List calls can show."""

    name: str
    arn: str
    tags: list[dict[str, str]]
    creation_time: datetime

    @property
    def last_modified_time(self) -> datetime:
        """The time of the last change."""
        ...

    @property
    def status(self) -> str:
        """The status in the Describe call."""
        ...

    def summary(self) -> Json:
        """The entry in the List call."""
        ...


class Store:
    """The part of the backend that the operations of this package use."""

    region_name: str
    account_id: str
    lock: threading.RLock

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a resource in this region."""
        return f"arn:{partitions.of(self.region_name)}:sagemaker:{self.region_name}:{self.account_id}:{kind}/{name}"


def now() -> datetime:
    """The present time in UTC."""
    return datetime.now(UTC)


def refuse(request: Json, names: Iterable[str], owner: str) -> None:
    """Raise ValidationError if a request sets one of these unsupported members."""
    for name in names:
        if request.get(name):
            raise ValidationError(f"local/ does not support {name} of {owner}.")


def refuse_repeated(names: Iterable[str], kind: str) -> None:
    """Raise ValidationError if two of these names are the same."""
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise ValidationError(message=f"The {kind} must differ; {repeated[0]} is repeated.")


def refuse_volume_key(resources: Json) -> None:
    """Raise ValidationError if the resources of a job have a VolumeKmsKeyId for instances with local storage.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html
    """
    instance: str = resources.get("InstanceType") or ""
    if resources.get("VolumeKmsKeyId") and _LOCAL_STORAGE.fullmatch(instance):
        raise ValidationError(message=f"VolumeKmsKeyId is not for {instance}, which has local storage.")


def check_role(role_arn: str | None) -> None:
    """Raise AWS's ValidationError if a role does not exist."""
    if not clients.role_exists(role_arn or ""):
        raise ValidationError(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            "'sagemaker.amazonaws.com' to assume the role."
        )


def list_page(
    request: Json,
    resources: Iterable[Resource],
    *,
    default_order: str,
    more_keys: Mapping[str, Callable[[Any], Any]] = MappingProxyType({}),
) -> tuple[list[Json], str | None]:
    """The summaries for a List request, and the token of the next page.

    Parameters
    ----------
    more_keys
        Sort keys in addition to name, status and creation time.
    """
    found = [resource for resource in resources if _matches(resource, request)]
    sort_keys: dict[str, Callable[[Any], Any]] = {
        "Name": lambda one: one.name,
        "Status": lambda one: one.status,
        "CreationTime": lambda one: one.creation_time,
        **more_keys,
    }
    found.sort(
        key=sort_keys[request.get("SortBy") or "CreationTime"],
        reverse=(request.get("SortOrder") or default_order) == "Descending",
    )
    token = request.get("NextToken") or "0"
    if not token.isdigit():
        raise ValidationError("Invalid pagination token.")
    start = int(token)
    end = start + int(request.get("MaxResults") or _DEFAULT_PAGE)
    return [one.summary() for one in found[start:end]], str(end) if end < len(found) else None


def _matches(resource: Resource, request: Json) -> bool:
    created, modified = resource.creation_time, resource.last_modified_time
    return (
        (request.get("NameContains") or "") in resource.name
        and request.get("StatusEquals") in (None, resource.status)
        and ("CreationTimeAfter" not in request or created > _with_timezone(request["CreationTimeAfter"]))
        and ("CreationTimeBefore" not in request or created < _with_timezone(request["CreationTimeBefore"]))
        and ("LastModifiedTimeAfter" not in request or modified > _with_timezone(request["LastModifiedTimeAfter"]))
        and ("LastModifiedTimeBefore" not in request or modified < _with_timezone(request["LastModifiedTimeBefore"]))
    )


def _with_timezone(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def emit_status(kind: str, resource: Resource, detail: Json, region: str) -> None:
    """Publish AWS's event for a change of status.

    The detail is the answer of Describe, with times in milliseconds and tags as a map.
    """
    tags = {tag["Key"]: tag["Value"] for tag in resource.tags}
    events.emit(
        source="aws.sagemaker",
        detail_type=f"SageMaker {kind} State Change",
        resources=[resource.arn],
        detail={**_with_milliseconds(detail), "Tags": tags},
        region=region,
    )


def _with_milliseconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_milliseconds(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_milliseconds(item) for item in value]
    return int(value.timestamp() * 1000) if isinstance(value, datetime) else value


def upper_snake(status: str) -> str:
    """A status in the spelling of endpoint events: IN_SERVICE for InService."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", status).upper()
