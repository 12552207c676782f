"""Shows which workflows of GitHub the stack's role trusts, and how to trust a newer repository."""

import re
from collections.abc import Iterator
from typing import Any

_SUBJECT = "token.actions.githubusercontent.com:sub"


def describe_trust(policy: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a finding's state and text about a role's trust policy; nothing if it does not trust GitHub.

    https://docs.github.com/en/actions/reference/security/oidc#immutable-subject-claims: the subjects of repositories
    that were created, renamed or transferred after July 15, 2026, have ids, as in ``repo:octo@123/name@456:ref:...``.

    Parameters
    ----------
    policy
        The AssumeRolePolicyDocument of GetRole.
    """
    for statement in policy.get("Statement", []):
        found = statement.get("Condition", {}).get("StringLike", {}).get(_SUBJECT, [])
        subjects = [found] if isinstance(found, str) else found
        if not subjects:
            continue
        trusted = f"the role trusts {' and '.join(subjects)}"
        repository = re.match(r"repo:([^:@]+):", subjects[0])
        if len(subjects) > 1 or not repository:
            yield "ok", trusted
        else:
            yield (
                "ok",
                f"{trusted}. If the repository was created, renamed or transferred after July 15, 2026, deploy with "
                "its githubOwnerId and githubRepositoryId, which this command prints: "
                f"gh api repos/{repository[1]} --jq .owner.id,.id",
            )
