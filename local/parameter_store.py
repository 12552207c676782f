"""SSM Parameter Store: moto stores the parameters; this module refuses what AWS refuses, and reports changes as events.

https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-cwe.html
https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import regex

from local import accounts, partitions
from local.errors import RefusedError
from local.messages import Given, Refusal

_STANDARD, _ADVANCED = 4096, 8192  # bytes of a value
# https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
_NAME, _NAME_LENGTH, _LEVELS = re.compile(r"[a-zA-Z0-9_.\-/]+"), 1011, 15
# The order of moto's arguments.
_ARGUMENTS = (
    "name", "description", "value", "parameter_type", "allowed_pattern", "keyid", "overwrite", "tags", "data_type",
)  # fmt: skip
_PATTERN_SECONDS = 1.0  # a user's regular expression may take exponential time

MOTO_NAMES = (
    "moto.ssm.models.ParameterDict.normalize_name",
    "moto.ssm.models.SimpleSystemManagerBackend.delete_parameter",
    "moto.ssm.models.SimpleSystemManagerBackend.delete_parameters",
    "moto.ssm.models.SimpleSystemManagerBackend.put_parameter",
    "moto.ssm.models.ssm_backends",
)


def install() -> None:
    """Replace moto's Parameter Store by this one."""
    from moto.ssm import models

    class SimpleSystemManagerBackend(models.SimpleSystemManagerBackend):  # type: ignore[misc]
        """moto's Systems Manager, which also sends the changes of parameters."""

        __module__ = models.SimpleSystemManagerBackend.__module__

        def put_parameter(self, *arguments: Any, **named: Any) -> Any:
            """Create or update a parameter, and report it."""
            given = dict(zip(_ARGUMENTS, arguments, strict=False)) | named
            before = self._find_parameter(given["name"])
            _check_name(given["name"], f"arn:{self.partition}:ssm:{self.region_name}:{self.account_id}:parameter/")
            given["tier"] = _choose_tier(given["value"] or "", given["tier"], before, self.default_parameter_tier)
            _check_value(given["value"] or "", given["allowed_pattern"] or (before and before.allowed_pattern))
            if before and given["overwrite"] and given["parameter_type"] not in (None, before.parameter_type):
                raise RefusedError("HierarchyTypeMismatchException", "The parameter type can't be changed.")
            parameter = super().put_parameter(**given)
            _report("Create" if parameter.version == 1 else "Update", parameter, self.region_name)
            return parameter

        def delete_parameter(self, name: str) -> None:
            """Delete a parameter, and report it."""
            parameter = self._find_parameter(name)
            super().delete_parameter(name)
            _report("Delete", parameter, self.region_name)

        def delete_parameters(self, names: list[str]) -> Any:
            """Delete parameters, and report those that existed."""
            parameters = {name: self._find_parameter(name) for name in names}
            deleted = super().delete_parameters(names)
            for name in deleted:
                _report("Delete", parameters[name], self.region_name)
            return deleted

        def _find_parameter(self, name: str) -> Any:
            """The newest version of a parameter; None if there is none."""
            versions = self._parameters.get(self._parameters.normalize_name(name))
            return versions[-1] if versions else None

    models.ssm_backends.backend = SimpleSystemManagerBackend


def _check_token(given: Given) -> Iterator[Refusal]:
    if not str(given.get("NextToken") or "0").isdecimal():  # moto's tokens are numbers
        yield "InvalidNextToken", "The specified token isn't valid."


def _check_path(given: Given) -> Iterator[Refusal]:
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html."""
    yield from _check_token(given)
    path = str(given.get("Path") or "")
    if not path.startswith("/"):
        yield "ValidationException", f"The path {path!r} of parameters must begin with a slash."


RULES: dict[str, Callable[[Given], Iterator[Refusal]]] = {
    "ssm:DescribeParameters": _check_token,
    "ssm:GetParameterHistory": _check_token,
    "ssm:GetParametersByPath": _check_path,
}


def _check_name(name: str, arn_prefix: str) -> None:
    if not _NAME.fullmatch(name) or ("/" in name and not name.startswith("/")):
        raise RefusedError("ValidationException", f"Parameter name {name!r}: {_NAME_RULE}")
    if len(arn_prefix) + len(name.lstrip("/")) > _NAME_LENGTH:
        raise RefusedError("ValidationException", f"The ARN of the parameter is longer than {_NAME_LENGTH} characters.")
    if name.count("/") > _LEVELS:
        raise RefusedError("HierarchyLevelLimitExceededException", f"A hierarchy has {_LEVELS} levels at most.")


_NAME_RULE = "it has only a-zA-Z0-9_.- and, for a hierarchy, a leading slash and slashes between the levels."


def _choose_tier(value: str, given: str | None, before: Any, default: str) -> str:
    """The tier of a new version; an advanced parameter stays one unless the request names another tier.

    The messages: https://github.com/aws/aws-sdk-net/issues/3157, and for the other direction
    https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
    """
    was_advanced = before is not None and before.tier == "Advanced"
    size, tier = len(value.encode()), given or ("Advanced" if was_advanced else default)
    if tier == "Intelligent-Tiering":
        tier = "Advanced" if was_advanced or size > _STANDARD else "Standard"
    if was_advanced and tier == "Standard":
        raise RefusedError("ValidationException", "An advanced parameter can't be changed to a standard parameter.")
    if tier == "Standard" and size > _STANDARD:
        raise RefusedError(
            "ValidationException",
            f"Standard tier parameters support a maximum parameter value of {_STANDARD} characters. To create a larger "
            "parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see "
            "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html",
        )
    if size > _ADVANCED:
        raise RefusedError("ValidationException", f"An advanced parameter has {_ADVANCED} characters at most.")
    return tier


def _check_value(value: str, pattern: str | None) -> None:
    """Check the value: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html."""
    if re.fullmatch(r"\{\{.*\}\}", value, re.DOTALL):
        raise RefusedError("ValidationException", "A parameter's value can't refer to a parameter with {{}}.")
    if not pattern:
        return
    try:
        matches = regex.compile(pattern).search(value, timeout=_PATTERN_SECONDS)
    except (regex.error, TimeoutError) as error:
        raise RefusedError("InvalidAllowedPatternException", f"The pattern {pattern!r} is invalid: {error}") from None
    if not matches:
        raise RefusedError("ParameterPatternMismatchException", f"The value does not match {pattern!r}.")


def _report(operation: str, parameter: Any, region: str) -> None:
    from local import events

    arn = f"arn:{partitions.of(region)}:ssm:{region}:{accounts.current()}:parameter/{parameter.name.lstrip('/')}"
    detail = {"operation": operation, "name": parameter.name, "type": parameter.parameter_type}
    if parameter.description:
        detail["description"] = parameter.description
    events.emit("aws.ssm", "Parameter Store Change", [arn], detail, region)
