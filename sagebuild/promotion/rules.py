"""Finds what would move with a build's model, and refuses builds and stacks between which nothing can move."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sagebuild.builds.context import BuildContext
from sagebuild.builds.records import BuildRecord, ModelFile, read_build
from sagebuild.errors import PromotionError
from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.names import name_resource
from sagebuild.notifications.words import VERBS
from sagebuild.parameters import BuildParameters, ScriptModeParameters
from sagebuild.parameters.json_text import read_framework, read_leniently
from sagebuild.parameters.overrides import parse_overridden
from sagebuild.parameters.store import read_document
from sagebuild.promotion.manifest import MODEL
from sagebuild.promotion.moved import ENVIRONMENT, MOVED
from sagebuild.promotion.sources import find_image, find_source
from sagebuild.requests.script_mode import serves_a_script
from sagebuild.running.model_files import list_copies, locate_copies
from sagebuild.service import Service


@dataclass(frozen=True)
class Promotable:
    """A build whose model can move to another stack.

    Parameters
    ----------
    folder
        The name of the promotion's folder in the receiving stack.
    artifact
        The S3 address of the model that the build served: an archive or a folder; empty without files.
    files
        The files of the model, each with its name in the promotion's folder.
    source
        The archive of the serving script; None without one.
    """

    record: BuildRecord
    folder: str
    framework: str
    parameters: dict[str, Any]
    artifact: str
    files: dict[str, ModelFile]
    source: ModelFile | None

    @property
    def bytes(self) -> int:
        """The size of everything that is copied."""
        return sum(each["bytes"] for each in self.files.values()) + (self.source["bytes"] if self.source else 0)


def name_both(service: Service, receiver: Service) -> tuple[str, str]:
    """Return the names of two pipelines for people, with their account or region where these differ."""
    places = [(f"in account {each.account}", f"in {each.region}") for each in (service, receiver)]
    differ = [one != other for one, other in zip(*places, strict=True)]
    shown = [" ".join(part for part, is_shown in zip(each, differ, strict=True) if is_shown) for each in places]
    return f"{service.label} {shown[0]}".strip(), f"{receiver.label} {shown[1]}".strip()


def find_promotable(service: Service, number: int, receiver: Service) -> Promotable:
    """Return what would move from a build to a pipeline of another stack, or of the same one.

    Raises
    ------
    BuildNotFoundError
        No build has that number.
    PromotionError
        The build cannot be promoted, or not to that stack; the message has the reason.
    ModelChangedError
        A file of the model, or its serving script, changed after the build.
    """
    record = read_build(service, number)
    for reason in (*_find_receiver_problems(service, receiver), *_find_build_problems(record, receiver)):
        raise PromotionError(reason)
    parameters = parse_overridden(record.parameters, record.overrides, service.settings.framework)
    context = BuildContext(service, number, parameters)
    _refuse_framework(parameters.framework, receiver)
    artifact, files = _find_files(service, record, parameters)
    source = find_source(context, record)
    return Promotable(
        record=record,
        folder=name_resource(service, number),
        framework=parameters.framework,
        parameters=_choose_parameters(context, record, receiver),
        artifact=artifact,
        files=files,
        source=source,
    )


def _find_receiver_problems(service: Service, receiver: Service) -> Iterator[str]:
    if (service.settings.stack_id, service.pipeline) == (receiver.settings.stack_id, receiver.pipeline):
        yield (
            f"{service.label} cannot promote a build to itself; name another stack or pipeline, or use sagebuild "
            "rollback to deploy an earlier build again."
        )
    ours, theirs = (_read_version(each) for each in (service, receiver))
    if theirs < ours:
        name, version = receiver.stack_name, receiver.settings.version
        yield (
            f"The stack {name} was deployed with {f'version {version}' if version else 'a version'} of sagebuild that "
            f"is older than {service.settings.version}, which {service.stack_name} has; deploy {name} again with it."
        )


def _read_version(service: Service) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", service.settings.version))


def _find_build_problems(record: BuildRecord, receiver: Service) -> Iterator[str]:
    name = f"Build {record.number}"
    if not record.has_ended:
        yield f"{name} has not ended; promote it when it has succeeded."
    elif record.trigger.rollback:
        yield f"{name} is a rollback to build {record.restores}; promote build {record.restores}."
    elif not record.has_succeeded:
        yield f"{name} {VERBS[record.status]}, and only the model of a successful build is promoted. {record.reason}"
    elif _is_from(record, receiver):
        yield f"{name} has the model that {record.promoted_from} made; deploy it there with sagebuild rollback."
    elif record.pruned_at:
        yield f"The model of build {record.number} was deleted; keepbuilds sets how many builds keep their models."


def _is_from(record: BuildRecord, receiver: Service) -> bool:
    names = (receiver.stack_name, receiver.account, receiver.region, receiver.pipeline)
    return tuple(record.origin.get(name) for name in ("stack", "account", "region", "pipeline")) == names


def _refuse_framework(framework: str, receiver: Service) -> None:
    theirs = read_framework(read_leniently(read_document(receiver)), receiver.settings.framework)
    if theirs != framework:
        raise PromotionError(
            f"The model is of framework {framework}, and the parameter document of {receiver.label} has {theirs}; "
            f"promote it to a pipeline of framework {framework}."
        )


def _find_files(service: Service, record: BuildRecord, parameters: BuildParameters) -> tuple[str, dict[str, ModelFile]]:
    """Return the address of the model that the build served, and its files by their names in the promotion."""
    if parameters.brings_model:
        return "", {}
    place = f"{locate_copies(service, record.number)}0/"
    if parameters.pipeline or any(not each["uri"].startswith(place) for each in record.model_files):
        raise PromotionError(
            f"Build {record.number} serves several containers (pipeline), which do not move; "
            "set the other containers in the receiving document, and promote a build without them."
        )
    found = {each["uri"]: each for each in list_copies(service, record.number)}
    missing = [each["uri"] for each in record.model_files if found.get(each["uri"]) != each]
    if missing or not record.model_files:
        uri = missing[0] if missing else place
        raise PromotionError(
            f"{uri} is missing, or is not the file that build {record.number} recorded, so the model is not promoted; "
            "start a new build."
        )
    inside = {each["uri"].removeprefix(place): each for each in record.model_files}
    if len(inside) == 1 and "/" not in (name := next(iter(inside))):
        return f"{place}{name}", {f"{MODEL}{name}": inside[name]}
    top = next(iter(inside)).partition("/")[0]
    return f"{place}{top}/", {f"{MODEL}{name.partition('/')[2]}": each for name, each in inside.items()}


def _choose_parameters(
    context: BuildContext[BuildParameters], record: BuildRecord, receiver: Service
) -> dict[str, Any]:
    """Return the parameters that belong to the model, with their defaults, so that the receiver needs no guess."""
    parameters = context.parameters
    values = parameters.model_dump(mode="json", include=set(MOVED & type(parameters).model_fields.keys()))
    version = FRAMEWORKS[parameters.framework].version_parameter
    if version and values.get(version) is None:
        values[version] = _read_tag(record.inference_image)
    if isinstance(parameters, ScriptModeParameters):
        serves = serves_a_script(parameters)
        values["hostentrypoint"] = (parameters.hostentrypoint or parameters.trainentrypoint) if serves else None
    values |= find_image(context, record, receiver)
    if record.model_files:
        values.pop("hubmodel", None)  # the build copied it
    return {name: value for name, value in values.items() if value is not None or name == ENVIRONMENT}


def _read_tag(image: str) -> str | None:
    """Return the version in the tag of one of AWS's images; None for an image with a digest, or without a tag."""
    name, _, tag = image.rpartition("/")[2].partition(":")
    return tag if tag and "@" not in name else None
