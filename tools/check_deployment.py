"""Checks the parameters of a deployment. `serverless package` and `serverless deploy` do this before anything else.

python -m tools.check_deployment < deployment.json

The input has `region`, `stack`, `parameters` (name -> value, with the defaults) and `given` (the names of parameters
that the user has set). The output has one sentence for each problem, and the exit code is 1 if there is one.
"""

import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sagebuild.deployment.checks import Deployment, find_problems

ROOT = Path(__file__).parents[1]


@cache
def list_parameters() -> frozenset[str]:
    """Return the names of all deploy parameters."""
    service = yaml.load((ROOT / "serverless.yml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    return frozenset(service["params"]["default"])


@cache
def template_parameters() -> dict[str, dict[str, Any]]:
    """Return the template's parameter for each deploy parameter."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((ROOT / "resources").glob("*.yml")):
        content = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        for parameter in content.get("Parameters", {}).values():
            found[parameter["Default"].removeprefix("${param:").removesuffix("}")] = parameter
    return found


if __name__ == "__main__":
    problems = find_problems(Deployment.read(sys.stdin.read()), list_parameters(), template_parameters())
    print("\n".join(problems))
    sys.exit(bool(problems))
