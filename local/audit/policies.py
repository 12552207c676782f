"""Evaluates IAM policy documents."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from local.audit.conditions import Context, UndecidedError, hold, matches, substitute


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request is allowed (None: undecided), and the reason if it is not."""

    allowed: bool | None
    reason: str = ""


@dataclass(frozen=True)
class Grant:
    """One action pattern on one resource pattern of an Allow statement."""

    action: str
    resource: str
    negates_action: bool = False
    negates_resource: bool = False

    @property
    def names(self) -> tuple[str, str]:
        """Both patterns, marked if negated."""
        action = f"NotAction {self.action}" if self.negates_action else self.action
        return action, f"NotResource {self.resource}" if self.negates_resource else self.resource

    def covers(self, action: str, resource: str) -> bool:
        """False when this grant does not match an action on a resource."""
        matches_action = any(matches(one, action, ignore_case=True) for one in self.action.split(", "))
        matches_resource = any(matches(one, resource) for one in self.resource.split(", "))
        return matches_action != self.negates_action and matches_resource != self.negates_resource


@cache
def parse(document: str) -> tuple[dict[str, Any], ...]:
    """The statements of a policy document."""
    statements = json.loads(document)["Statement"]
    return tuple(statements if isinstance(statements, list) else [statements])


def decide(statements: Iterable[dict[str, Any]], action: str, resource: str | None, context: Context) -> Verdict:
    """Evaluate statements for an action on a resource.

    Parameters
    ----------
    resource
        Its ARN; ``*`` for an action without resource types; None if unknown, which only statements about ``*`` can
        decide.
    """
    allowed, undecided = False, ""
    for statement in statements:
        try:
            if not _applies(statement, action, resource, context):
                continue
            if statement["Effect"] == "Deny":
                return Verdict(False, f"explicit Deny in statement {statement.get('Sid', 'without Sid')}")
            allowed = True
        except UndecidedError as error:
            if statement["Effect"] == "Deny" or not undecided:
                undecided = f"{statement['Effect']} not evaluated: {error}"
    if undecided and (not allowed or undecided.startswith("Deny")):
        return Verdict(None, undecided)
    return Verdict(True) if allowed else Verdict(False, "no identity-based policy allows it")


def grants(statements: Iterable[dict[str, Any]]) -> Iterator[Grant]:
    """The grants of the Allow statements, one per pair of patterns."""
    for statement in statements:
        if statement["Effect"] != "Allow":
            continue
        negates_action, negates_resource = "NotAction" in statement, "NotResource" in statement
        actions = _list(statement.get("Action", statement.get("NotAction")))
        resources = _list(statement.get("Resource", statement.get("NotResource")))
        for action in [", ".join(actions)] if negates_action else actions:
            for resource in [", ".join(resources)] if negates_resource else resources:
                yield Grant(action, resource, negates_action, negates_resource)


def _applies(statement: dict[str, Any], action: str, resource: str | None, context: Context) -> bool:
    if "NotAction" in statement:
        applies = not any(matches(one, action, ignore_case=True) for one in _list(statement["NotAction"]))
    else:
        applies = any(matches(one, action, ignore_case=True) for one in _list(statement["Action"]))
    if not applies or not _matches_resource(statement, resource, context):
        return False
    return hold(statement.get("Condition", {}), context)


def _matches_resource(statement: dict[str, Any], resource: str | None, context: Context) -> bool:
    patterns = [substitute(one, context) for one in _list(statement.get("Resource", statement.get("NotResource")))]
    if "*" in patterns:
        return "Resource" in statement
    if resource is None:
        raise UndecidedError("the resource of this action")
    return any(matches(one, resource) for one in patterns) == ("Resource" in statement)


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
