"""Examines the batch transform of a build: whether there are files to score, and whether its results start builds."""

from __future__ import annotations

from sagebuild.builds.context import BuildContext
from sagebuild.parameters import BuildParameters
from sagebuild.plan.findings import Findings
from sagebuild.plan.storage import has_objects
from sagebuild.requests.transform import locate_transform_input, locate_transform_output
from sagebuild.s3_uri import split_s3_uri


def examine_transform(context: BuildContext[BuildParameters], findings: Findings) -> None:
    """examine whether there are files to score, and refuse results in a bucket whose uploads start builds."""
    job, service = context.parameters.batchtransform, context.service
    if not job:
        return
    output = locate_transform_output(service, context.number, job)
    if split_s3_uri(output)[0] in (service.settings.data_bucket, service.settings.code_bucket):
        findings.problems.append(
            f"batchtransform.output is {output}, in a bucket whose uploads start builds; give a folder in another "
            "bucket, or leave output out for the model bucket."
        )
    uri = locate_transform_input(context, job)
    found = has_objects(service, uri, is_one=job.type == "ManifestFile")
    if found is None:
        findings.add_note(f"batchtransform was not examined: the bucket of {uri} denies access.")
    elif not found and service.settings.preprocess_state_machine:
        findings.add_note(f"batchtransform had no files at {uri} before preprocessing.")
    elif not found:
        findings.problems.append(f"batchtransform has no files at {uri}; upload what is to be scored there.")
