"""Examines whether the account's quotas of CodeBuild allow what a build runs there: image builds and copies."""

from __future__ import annotations

from collections.abc import Iterator

from sagebuild.images.byod import list_images_to_build
from sagebuild.parameters import BuildParameters
from sagebuild.plan.findings import Findings
from sagebuild.plan.quotas import QuotasUnknown, find_short_quotas
from sagebuild.service import Service

# https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html; resources/images.yml defines the environments: of
# the project that builds images, and of the one that copies sources and gated models.
IMAGE_QUOTA = "Concurrently running builds for Linux/Medium environment"
SOURCE_QUOTA = "Concurrently running builds for Linux/Small environment"


def examine_codebuild_quotas(service: Service, parameters: BuildParameters, findings: Findings) -> None:
    """Examine the quotas that the build needs; CodeBuild queues what exceeds one, unless it is 0."""
    needs = dict(_list_needs(parameters))
    if not needs:
        return
    try:
        short = find_short_quotas(service, dict.fromkeys(needs, 1), of="codebuild")
    except QuotasUnknown as reason:
        findings.notes.append(f"The quotas of CodeBuild were not examined: {reason}")
        return
    findings.problems += [
        f"The account's CodeBuild quota '{quota}' is 0, as in some new accounts, so {needs[quota]}; request an "
        "increase in the Service Quotas console."
        for quota in short
    ]


def _list_needs(parameters: BuildParameters) -> Iterator[tuple[str, str]]:
    """Yield each quota that the build needs, and what is impossible without it."""
    if list_images_to_build(parameters):
        yield IMAGE_QUOTA, "no image can be built"
    if getattr(parameters, "git_config", None):
        yield SOURCE_QUOTA, "no source can be copied from git"
    if getattr(parameters, "hubsecret", None):
        yield SOURCE_QUOTA, "no gated model can be copied from the hub"
