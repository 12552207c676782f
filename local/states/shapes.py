"""Converts names and values between the States Language and botocore."""

import json
import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.utils import EVENT_ALIASES
from moto.stepfunctions.parser.utils import camel_to_snake_case, snake_to_camel_case

_LEADING_ACRONYM = re.compile(r"^[A-Z]+(?![a-z])")
_session = botocore.session.get_session()


class ArgumentsError(Exception):
    """The arguments of a task are invalid."""


@lru_cache(maxsize=1)
def _boto_names() -> dict[str, str]:
    # In Step Functions, a service's name is its service id in lower case and without spaces.
    available = _session.get_available_services()
    names = {name.replace("-", ""): name for name in available}
    return names | {alias.replace("-", ""): name for name, alias in EVENT_ALIASES.items() if name in available}


@lru_cache(maxsize=128)
def find_service(api_name: str) -> ServiceModel | None:
    """The model of a service by its name in ``aws-sdk:<service>:<action>``; None for an unknown service."""
    boto_name = _boto_names().get(api_name)
    model = _session.get_service_model(boto_name) if boto_name else None
    return model if model and str(model.service_id).replace(" ", "").lower() == api_name else None


def find_operation(service: ServiceModel | None, action: str) -> OperationModel | None:
    """The model of an action in camelCase; None for an unknown action."""
    name = capitalized(action)
    known = service is not None and action[:1].islower() and name in service.operation_names
    return service.operation_model(name) if service is not None and known else None


def error_prefix(service: ServiceModel) -> str:
    """The prefix of a service's errors in ``aws-sdk`` tasks: Ssm, DynamoDb, SageMaker."""
    return str(snake_to_camel_case(camel_to_snake_case(str(service.service_id).replace(" ", ""))))


def capitalized(name: str) -> str:
    """A field's name in optimized tasks: ProjectName for projectName."""
    return name[:1].upper() + name[1:]


def pascal(name: str) -> str:
    """A field's name in ``aws-sdk`` tasks: KmsKeyId for KMSKeyId."""
    return _LEADING_ACRONYM.sub(lambda match: match[0].capitalize(), capitalized(name))


def to_request(
    value: Any,
    shape: Shape | None,
    name_of: Callable[[str], str],
    json_fields: Collection[str] = (),
    quotes_blobs: bool = False,
) -> Any:
    """The botocore request for the arguments of a task; an argument that is null is absent.

    JSON in one of ``json_fields`` becomes text. With ``quotes_blobs``, text for a blob becomes JSON, too.

    Raises
    ------
    ArgumentsError
        For an unknown field.
    """
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = {name_of(name): name for name in shape.members}
        if unknown := [key for key in value if key not in members]:
            raise ArgumentsError(f'The field "{unknown[0]}" is not supported by Step Functions')
        texts = {
            key: to_text(item) if key in json_fields and not isinstance(item, str) else item
            for key, item in value.items()
            if item is not None
        }
        return {
            members[key]: to_request(item, shape.members[members[key]], name_of, json_fields, quotes_blobs)
            for key, item in texts.items()
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [to_request(item, shape.member, name_of, json_fields, quotes_blobs) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: to_request(item, shape.value, name_of, json_fields, quotes_blobs) for key, item in value.items()}
    if shape is not None and shape.type_name == "blob" and not isinstance(value, bytes):
        return (value if isinstance(value, str) and not quotes_blobs else to_text(value)).encode()
    return value


def from_response(
    value: Any, shape: Shape | None, name_of: Callable[[str], str], date_of: Callable[[datetime], Any]
) -> Any:
    """The JSON value of botocore's answer; an empty object for an operation without output."""
    if shape is None:
        return {}
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = [(key, item) for key, item in value.items() if key in shape.members]
        return {name_of(key): from_response(item, shape.members[key], name_of, date_of) for key, item in members}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [from_response(item, shape.member, name_of, date_of) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: from_response(item, shape.value, name_of, date_of) for key, item in value.items()}
    if isinstance(value, datetime):
        return date_of(value)
    if hasattr(value, "read"):
        value = value.read()
    return value.decode() if isinstance(value, bytes) else value


def metadata(answer: dict[str, Any]) -> dict[str, Any]:
    """What an optimized task adds to its result, from botocore's ``ResponseMetadata``."""
    headers = answer["HTTPHeaders"]
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": answer["HTTPStatusCode"],
        },
        "SdkResponseMetadata": {"RequestId": answer.get("RequestId")},
    }


def to_iso(moment: datetime) -> str:
    """A time in the answers of ``aws-sdk`` tasks."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_epoch_milliseconds(moment: datetime) -> int:
    """A time in the answers of optimized tasks."""
    return int(moment.timestamp() * 1000)


def to_text(value: Any) -> str:
    """A JSON value as text in the service's format."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
