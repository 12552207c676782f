"""Examines the batch transform of a build: whether there are files to score."""

from __future__ import annotations

from sagebuild.builds.context import BuildContext
from sagebuild.parameters import BuildParameters
from sagebuild.plan.findings import Findings
from sagebuild.plan.storage import has_objects
from sagebuild.requests.transform import locate_transform_input


def examine_transform(context: BuildContext[BuildParameters], findings: Findings) -> None:
    """Examine whether there are files to score."""
    job, service = context.parameters.batchtransform, context.service
    if not job:
        return
    uri = locate_transform_input(context, job)
    found = has_objects(service, uri, is_one=job.type == "ManifestFile")
    if found is None:
        findings.add_note(f"batchtransform was not examined: the bucket of {uri} denies access.")
    elif not found and service.settings.preprocess_state_machine:
        findings.add_note(f"batchtransform had no files at {uri} before preprocessing.")
    elif not found:
        findings.problems.append(f"batchtransform has no files at {uri}; upload what is to be scored there.")
