"""Refuses results in the buckets whose uploads start builds: each of their files would start the next build."""

from __future__ import annotations

from collections.abc import Iterator

from sagebuild.builds.context import BuildContext
from sagebuild.parameters import BuildParameters
from sagebuild.plan.findings import Findings
from sagebuild.requests.transform import locate_transform_output
from sagebuild.s3_uri import split_s3_uri


def examine_outputs(context: BuildContext[BuildParameters], findings: Findings) -> None:
    """Refuse results of a batch transform, of an asynchronous endpoint or of a data capture that would start builds."""
    settings = context.service.settings
    for name, uri in _list_outputs(context):
        if split_s3_uri(uri)[0] in (settings.data_bucket, settings.code_bucket):
            findings.problems.append(
                f"{name} is {uri}, in a bucket whose uploads start builds; give a folder in another bucket, or leave "
                f"{name.rpartition('.')[2]} out for the model bucket."
            )


def _list_outputs(context: BuildContext[BuildParameters]) -> Iterator[tuple[str, str]]:
    """Yield the name and the address of each folder that the document gives."""
    parameters = context.parameters
    if job := parameters.batchtransform:
        yield "batchtransform.output", locate_transform_output(context.service, context.number, job)
    if parameters.asynchronous and parameters.asynchronous.output:
        yield "asynchronous.output", parameters.asynchronous.output
    if parameters.datacapture and parameters.datacapture.prefix:
        yield "datacapture.prefix", parameters.datacapture.prefix
