"""A build's image builds in CodeBuild: stops running ones, finds their images, explains a failed one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord
from sagebuild.errors import AwsUnavailableError
from sagebuild.names import name_image_repository
from sagebuild.running.causes import clean_lines, pick_lines
from sagebuild.service import Service, aws_call, suppress_code

POLL_SECONDS = 1.0
# https://docs.aws.amazon.com/codebuild/latest/APIReference/API_BatchGetBuilds.html: at most 100 ids. A build has two
# image builds at most; older ones than these have ended.
_NEWEST = 100
_LOG_LINES = 50
# Errors of BuildKit, pip, the buildspec and Docker's older builder; the log also has the text of the commands.
_ERROR = re.compile(r"^(error|fatal)\b|returned a non-zero code", re.IGNORECASE)


def stop_image_builds(
    service: Service,
    record: BuildRecord,
    wait_seconds: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> bool:
    """Stop a build's running image builds, and wait until they have ended or the time is up.

    Returns
    -------
    bool
        False when one still runs.
    """
    if not record.image_builds:
        return True
    deadline = clock() + wait_seconds
    running = _list_running(service, record)
    for build in running:
        with aws_call(f"stop the image build {build}"), suppress_code("InvalidInputException"):
            service.codebuild.stop_build(id=build)
    while running and clock() < deadline:
        running = _list_running(service, record)
        if running:
            sleep(POLL_SECONDS)
    return not running


def find_built_images(service: Service, record: BuildRecord) -> dict[str, str]:
    """Return the addresses by digest of the images that a build made, by their addresses in its record."""
    found = {}
    for tag in (tag for tag in record.image_builds if not tag.endswith("-source")):
        with aws_call(f"find the image {tag}"):
            try:
                answer = service.ecr.describe_images(
                    repositoryName=name_image_repository(service), imageIds=[{"imageTag": tag}]
                )
            except ClientError as error:
                if error.response["Error"]["Code"] == "ImageNotFoundException":
                    continue
                raise
        repository = service.settings.image_repository_uri
        found[f"{repository}:{tag}"] = f"{repository}@{answer['imageDetails'][0]['imageDigest']}"
    return found


@dataclass(frozen=True)
class FailedImage:
    """Why an image could not be built, in one sentence, and the last lines of the log."""

    reason: str
    lines: Sequence[str] = ()


def explain_failed_image(service: Service, cause: str) -> FailedImage | None:
    """Explain from a failed task's cause why an image could not be built; None for another task."""
    try:
        build = json.loads(cause)["Build"]
        variables = {one["Name"]: one["Value"] for one in build["Environment"]["EnvironmentVariables"]}
        subject = _describe_work(variables)
    except (ValueError, LookupError, TypeError):
        return None
    lines = [] if build["BuildStatus"] == "STOPPED" else _read_log(service, build.get("Logs", {}))
    if build["BuildStatus"] == "STOPPED":
        reason = "its build was stopped by someone outside sagebuild"
    else:
        error = next((line for line in reversed(lines) if _ERROR.search(line)), "")
        reason = error or _find_message(build) or f"its build ended as {build['BuildStatus']}"
    log = build.get("Logs", {}).get("DeepLink", "")
    sentence = f"{subject}: {reason}{log and f' (log: {log})'}"
    return FailedImage(sentence, pick_lines(lines))


def find_source_commit(service: Service, record: BuildRecord) -> str:
    """Return the commit that a build fetched from git or the hub; empty if it fetched none."""
    if not any(tag.endswith("-source") for tag in record.image_builds):
        return ""
    builds = [one for one in _read_newest(service) if _belongs_to(one, record)]
    exported = [variable for one in builds for variable in one.get("exportedEnvironmentVariables", [])]
    return next((one["value"] for one in exported if one["name"] == "SOURCE_COMMIT"), "")


def find_running_tags(service: Service) -> set[str]:
    """Return the tags of the images that are being built."""
    return {variable["value"] for build in _read_running(service) for variable in _read_variables(build)}


def find_log_streams(service: Service, record: BuildRecord) -> dict[str, str]:
    """Return the log streams of a build's image builds, if they are among the newest of the stack.

    Returns
    -------
    dict
        The image by stream: "training", also if inference has the same one, or "inference".
    """
    builds = [one for one in _read_newest(service) if _belongs_to(one, record)]
    return {
        one["logs"]["streamName"]: _read_variables(one)[0]["value"].rpartition("-")[2]
        for one in builds
        if one.get("logs", {}).get("streamName")
    }


def _describe_work(variables: Mapping[str, str]) -> str:
    """Return what a failed build in CodeBuild did not do."""
    scope = variables["IMAGE_TAG"].rpartition("-")[2]
    if repository := variables.get("GIT_REPOSITORY"):
        return f"The source could not be fetched from {repository}"
    if model := variables.get("HUB_MODEL"):
        return f"The model {model} could not be copied from the Hugging Face hub"
    scope += " and inference" if variables.get("SECOND_TAG") else ""
    return f"The {scope} image could not be built from {variables['DOCKERFILE_FOLDER']}"


def _list_running(service: Service, record: BuildRecord) -> list[str]:
    return [one["id"] for one in _read_running(service) if _belongs_to(one, record)]


def _read_running(service: Service) -> list[Mapping[str, Any]]:
    return [one for one in _read_newest(service) if one["buildStatus"] == "IN_PROGRESS"]


def _read_newest(service: Service) -> list[Mapping[str, Any]]:
    """Read the newest builds of both projects."""
    builds: list[Mapping[str, Any]] = []
    for project in (service.settings.image_project, service.settings.source_project):
        with aws_call("list the image builds"):
            ids = service.codebuild.list_builds_for_project(projectName=project, sortOrder="DESCENDING")["ids"]
            if ids:
                builds += service.codebuild.batch_get_builds(ids=ids[:_NEWEST])["builds"]
    return builds


def _belongs_to(build: Mapping[str, Any], record: BuildRecord) -> bool:
    return any(variable["value"] in record.image_builds for variable in _read_variables(build))


def _read_variables(build: Mapping[str, Any]) -> list[Mapping[str, str]]:
    variables: list[Mapping[str, str]] = build["environment"]["environmentVariables"]
    return [variable for variable in variables if variable["name"] == "IMAGE_TAG"]


def _read_log(service: Service, logs: Mapping[str, Any]) -> list[str]:
    """Return the last lines of the log, oldest first; empty if there is none, or it cannot be read."""
    if not logs.get("StreamName"):
        return []
    try:
        with aws_call("read the log of the image build"):
            events = service.logs.get_log_events(
                logGroupName=logs["GroupName"], logStreamName=logs["StreamName"], limit=_LOG_LINES
            )["events"]
    except (AwsUnavailableError, ClientError):  # the log only adds to CodeBuild's own message
        return []
    return [line.strip() for line in clean_lines(event["message"] for event in events)]


def _find_message(build: Mapping[str, Any]) -> str:
    contexts = [context for phase in build.get("Phases", []) for context in phase.get("Contexts", [])]
    return next((f"{one['StatusCode']}: {one['Message']}" for one in contexts if one.get("Message")), "")
