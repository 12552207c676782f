"""Writes the request by which CodeBuild fetches what a build needs from outside AWS: a script, or a language model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NotRequired, TypedDict

from sagebuild.builds.context import BuildContext
from sagebuild.names import name_image_tag, name_resource
from sagebuild.parameters import BuildParameters
from sagebuild.service import Service

SCOPE = "source"  # in the tag that names the work in CodeBuild


class SourcePlan(TypedDict):
    """Whether the build fetches a source, and the body of CodeBuild's StartBuild."""

    wanted: bool
    request: NotRequired[dict[str, Any]]


def write_source_plan(
    context: BuildContext[BuildParameters], buildspec: str, variables: Mapping[str, str | None], minutes: int = 0
) -> SourcePlan:
    """Return the plan of a fetch.

    Parameters
    ----------
    variables
        The variables of the commands; everyone who may describe the work in CodeBuild reads them.
    minutes
        The time limit; default: that of the project.
    """
    service, number = context.service, context.number
    given = {"IMAGE_TAG": name_source_tag(context), **variables}
    request: dict[str, Any] = {
        "ProjectName": service.settings.source_project,
        "IdempotencyToken": f"{name_resource(service, number)}-{SCOPE}",
        "BuildspecOverride": buildspec,
        "EnvironmentVariablesOverride": [
            {"Name": name, "Value": value, "Type": "PLAINTEXT"} for name, value in given.items() if value
        ],
    }
    if minutes:
        request["TimeoutInMinutesOverride"] = minutes
    return {"wanted": True, "request": request}


def name_source_tag(context: BuildContext[BuildParameters]) -> str:
    """Return the tag by which the build's work in CodeBuild is found."""
    return name_image_tag(context.service, context.number, SCOPE)


def find_secret_problems(service: Service, name: str, secret: str | None) -> Iterator[str]:
    """Yield a sentence if the role of the fetch cannot read the secret that a parameter names."""
    if secret and not re.search(rf":secret:{re.escape(service.stack_name)}/", secret):
        yield (
            f"{name} is {secret}; the stack's role may read only secrets whose name begins with "
            f"{service.stack_name}/; give the secret such a name."
        )
