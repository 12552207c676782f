"""Matches the principals of a statement in a resource or trust policy."""

from typing import Any

from local import accounts, partitions


def names_service(principal: Any, service: str) -> bool:
    """False when a statement is not for this service, such as ``sns.amazonaws.com``."""
    return names_everybody(principal) or service in _list(principal, "Service")


def names_provider(principal: Any, arn: str) -> bool:
    """False when a statement is not for the users of this identity provider."""
    return names_everybody(principal) or arn in _list(principal, "Federated")


def names_identity(principal: Any, arn: str) -> bool:
    """False when a statement does not name this role or user itself; the account's name is not enough."""
    return names_everybody(principal) or arn in _list(principal, "AWS")


def names_account(principal: Any) -> bool:
    """False when a statement is not for the account, whose identities then need an identity policy too."""
    named = _list(principal, "AWS")
    return accounts.current() in named or f"arn:{partitions.current()}:iam::{accounts.current()}:root" in named


def names_everybody(principal: Any) -> bool:
    """False when a statement is for named principals only."""
    return bool(principal == "*") or "*" in _list(principal, "AWS")


def _list(principal: Any, kind: str) -> list[str]:
    named = principal.get(kind, []) if isinstance(principal, dict) else []
    return named if isinstance(named, list) else [named]
