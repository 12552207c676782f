"""What becomes of the deploy parameters for buckets and of the policies in resources/access.yml."""

from functools import cache
from typing import Any

import yaml

from sagebuild.deployment.bucket_access import ROLES, describe_access
from tests.engine import ROOT


@cache
def resolve(**parameters: str) -> dict[str, Any]:
    """The statements and the setting for these deploy parameters, and the problems that are reported."""
    return describe_access(parameters, read_policies())


@cache
def read_policies() -> dict[str, Any]:
    """The policies of the roles that read or write addresses."""
    resources = yaml.safe_load((ROOT / "resources" / "access.yml").read_text(encoding="utf-8"))["Resources"]
    return {name: resources[name]["Properties"].get("Policies") for name in ROLES}


def setting(stack: str, **parameters: str) -> str:
    """The setting BUCKET_ACCESS of a stack whose buckets are called after it."""
    text: str = resolve(**parameters)["setting"]["Fn::Sub"]
    for name in ("Data", "Code", "Model"):
        text = text.replace(f"${{{name}Bucket}}", f"{stack}-{name.lower()}")
    return text
