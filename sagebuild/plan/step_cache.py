"""Finds processing jobs whose outputs an earlier build already has, because everything that goes into them is equal.

A job's key is a hash of its inputs: the versions of its data and its script, its image and its arguments. A job that
reads another job's output has that job's key in its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.context import BuildContext
from sagebuild.builds.records import BuildRecord, list_builds
from sagebuild.parameters import BuildParameters
from sagebuild.parameters.step_options import ProcessingJob, StepInput
from sagebuild.parameters.step_rules import list_needs, read_inputs, sort_jobs
from sagebuild.plan.findings import Findings
from sagebuild.plan.storage import has_objects, list_versions
from sagebuild.requests.step_places import locate_input, locate_step_output, locate_step_source

# The newest builds that are searched for equal jobs.
_BUILDS_SEARCHED = 100


class _NoKeyError(Exception):
    """The inputs of a job cannot be compared; the text completes "because ..."."""


def find_reused(context: BuildContext[BuildParameters], findings: Findings) -> tuple[dict[str, str], dict[str, int]]:
    """Return the keys of the jobs, and the numbers of the builds whose outputs replace those of equal jobs.

    A job with an input from a job that runs anew runs anew, too: only equal keys of both could be compared, and the
    outputs of two runs may differ.
    """
    keys: dict[str, str] = {}
    reused: dict[str, int] = {}
    earlier: list[BuildRecord] | None = None
    for job in sort_jobs(context.parameters):
        if not job.cache:
            continue
        try:
            keys[job.name] = _hash_job(context, job, keys, reused)
        except _NoKeyError as reason:
            findings.add_note(f"The processing job {job.name} cannot reuse earlier outputs, because {reason}.")
            continue
        earlier = list_builds(context.service, _BUILDS_SEARCHED) if earlier is None else earlier
        if number := _find_equal(context, job, keys[job.name], earlier):
            reused[job.name] = number
            findings.add_note(
                f"The processing job {job.name} does not run: its inputs are those of build {number}, whose outputs "
                "are used."
            )
    return keys, reused


def _find_equal(
    context: BuildContext[BuildParameters], job: ProcessingJob, key: str, earlier: list[BuildRecord]
) -> int | None:
    for record in earlier:
        for step in record.step_jobs if record.has_succeeded else ():
            if step.name != job.name or step.key != key:
                continue
            outputs = [locate_step_output(context.service, step.outputs_of, job.name, name) for name in job.outputs]
            if all(has_objects(context.service, uri) for uri in outputs):  # a user may have deleted them
                return step.outputs_of
    return None


def _hash_job(
    context: BuildContext[BuildParameters], job: ProcessingJob, keys: Mapping[str, str], reused: Mapping[str, int]
) -> str:
    parameters = context.parameters
    if context.service.settings.preprocess_state_machine:
        raise _NoKeyError("preprocessStateMachine may change the data")
    git = getattr(parameters, "git_config", None)
    if job.script and not job.source and git and not git.commit:
        raise _NoKeyError("git_config names no commit")
    anew = [name for name in list_needs(parameters, job) if name not in reused]
    if any(name not in keys for name in anew):
        raise _NoKeyError(f"{', '.join(anew)}, whose output it reads, runs anew")
    script = locate_step_source(context, job)
    if script and not job.source and git:
        version: Any = git.model_dump(mode="json")
    else:
        version = _read_versions(context, script) if script else None
    inputs = {name: _describe_input(context, given, keys) for name, given in read_inputs(parameters, job).items()}
    described = job.model_dump(mode="json", exclude={"cache", "inputs", "maxrun", "volumesize"})
    facts = [described, context.steps.images.get(job.name), version, inputs]
    return blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=16).hexdigest()


def _describe_input(context: BuildContext[BuildParameters], given: StepInput, keys: Mapping[str, str]) -> Any:
    described = given.model_dump(mode="json")
    if given.output:
        return [described, keys[given.output.partition(".")[0]]]
    if given.type == "ManifestFile":
        raise _NoKeyError("the data behind a manifest is not compared")
    return [described, _read_versions(context, locate_input(context, given))]


def _read_versions(context: BuildContext[BuildParameters], uri: str) -> list[list[Any]]:
    try:
        return list_versions(context.service, uri)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("AccessDenied", "NoSuchBucket"):
            raise
        raise _NoKeyError(f"{uri} cannot be listed") from None
    except OverflowError as reason:
        raise _NoKeyError(str(reason)) from None
