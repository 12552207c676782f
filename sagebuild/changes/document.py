"""Describes and makes a change of the parameter document."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.lock import state_key
from sagebuild.builds.pipelines import record_spoken_names
from sagebuild.changes.token import Change
from sagebuild.errors import InputError, InvalidValueError, ParameterError, ParameterNotFoundError
from sagebuild.parameters import parse_document
from sagebuild.parameters.changes import change_document, combine_problems
from sagebuild.parameters.dotted import read_path
from sagebuild.parameters.json_text import format_document, read_framework, read_raw_document
from sagebuild.parameters.store import read_with_version, write_text
from sagebuild.service import Service, aws_call, suppress_code

# A change that died between its claim and its write blocks others for so long. A write takes at most some seconds.
_CLAIM_SECONDS = 60


@dataclass(frozen=True)
class NewValues:
    """The effect of a change of the parameter document.

    Parameters
    ----------
    old, new
        The values that builds have before and after, by dotted name; None for a value inside a parameter that the
        document does not have.
    """

    old: Mapping[str, Any]
    new: Mapping[str, Any]


def describe_new_values(
    service: Service, document: str, parameters: Mapping[str, Any], removed: Sequence[str] = ()
) -> NewValues:
    """Describe what setting parameters, and removing others so that their defaults apply, would change.

    Raises
    ------
    ParameterError
        The document is invalid.
    InvalidValueError
        The document would be invalid with the new values.
    InputError
        No parameter is given, a value cannot be set, or a name to remove is not in the document.
    """
    if not parameters and not removed:
        raise InputError("No parameter is given; name at least one, such as trainmaxrun.")
    parse_document(document, default_framework=service.settings.framework)
    after = _change(service, document, parameters, removed)
    names = [*parameters, *removed]
    return NewValues(*({name: _find(service, text, name) for name in names} for text in (document, after)))


def set_parameters(service: Service, change: Change) -> bool:
    """Write the new values of a planned change.

    Returns
    -------
    bool
        False if the document is no longer the one for which the change was planned; nothing was written.

    Raises
    ------
    AwsUnavailableError
        The document may have been written; the same call again completes or confirms it.
    """
    text, version = read_with_version(service)
    wanted = change.basis.document_version
    if version != wanted:
        # An earlier delivery of the same change may have written it.
        return version == (wanted or 0) + 1 and _is_made(service, text, change)
    if not _claim(service, change, version, _now()):
        return False
    after = _change(service, text, change.parameters, change.removed)
    if after == text:
        return True
    write_text(service, after, overwrite=True)
    with suppress_code("AccessDeniedException"):
        parameters = parse_document(after, default_framework=service.settings.framework)
        record_spoken_names(service, parameters.spokennames)
    return True


def _is_made(service: Service, text: str, change: Change) -> bool:
    """Return whether a document has the values of a change, and none of the removed ones."""
    document = read_raw_document(text)
    _, absent = change_document(document, {}, change.removed, service.settings.framework)
    is_same = document == read_raw_document(_change(service, text, change.parameters, ()))
    return is_same and len(absent) == len(change.removed)


def _change(service: Service, text: str, parameters: Mapping[str, Any], removed: Sequence[str]) -> str:
    """Return the text of the changed document."""
    framework = service.settings.framework
    after, problems = change_document(read_raw_document(text), parameters, removed, framework)

    def check() -> str:
        changed = format_document(after)
        parse_document(changed, default_framework=framework)
        return changed

    if problems:
        raise combine_problems(problems, check)
    try:
        return check()
    except ParameterError as error:
        raise InvalidValueError(str(error)) from error


def _find(service: Service, text: str, name: str) -> Any:
    """Return the value that a build has; None for a value inside a parameter that the document does not have."""
    framework = service.settings.framework
    parsed = getattr(parse_document(text, default_framework=framework), name, None)
    if isinstance(parsed, str | int | float):
        return parsed
    document = read_raw_document(text)
    try:
        return read_path(document, name, read_framework(document, framework))
    except ParameterNotFoundError:
        return None


def _claim(service: Service, change: Change, version: int, now: int) -> bool:
    """Claim a version of the document for one change, because SSM has no conditional write.

    Users who may write the document and not the builds table make no claim: of two such changes at the same moment,
    the later one wins.

    Returns
    -------
    bool
        False when another change has claimed the version.
    """
    with aws_call("claim the parameter document"):
        try:
            service.dynamodb.update_item(
                TableName=service.settings.builds_table,
                Key=state_key(service, "change"),
                UpdateExpression="SET document_version = :version, change_id = :id, claimed_at = :now",
                ConditionExpression="attribute_not_exists(document_version) OR document_version < :version "
                "OR change_id = :id OR claimed_at < :expired",
                ExpressionAttributeValues={
                    ":version": {"N": str(version)},
                    ":id": {"S": change.id},
                    ":now": {"N": str(now)},
                    ":expired": {"N": str(now - _CLAIM_SECONDS)},
                },
            )
        except service.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise
    return True


def _now() -> int:
    return int(time.time())
