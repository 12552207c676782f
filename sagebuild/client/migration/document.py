"""Converts the parameter document of aws-sagemaker-build as a whole."""

from __future__ import annotations

from typing import Any, NamedTuple

from sagebuild.client.conversion.draft import Draft
from sagebuild.client.conversion.shared import order_parameters
from sagebuild.client.migration.changes import Change, Changes
from sagebuild.client.migration.facts import DEPLOYED, ELSEWHERE, FLAGS, NUMBERS, OWN, UNSET
from sagebuild.client.migration.values import (
    convert_channels,
    convert_hyperparameters,
    convert_metric,
    convert_pipeline,
    convert_tags,
    shorten_source,
    to_flag,
    to_number,
)
from sagebuild.client.migration.versions import check_image, choose_framework, convert_version
from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.parameters import MODELS
from sagebuild.parameters.json_text import read_object


class Migration(NamedTuple):
    """The result of a migration.

    Parameters
    ----------
    changes
        Every difference between the two documents.
    problems
        Sentences about why a build would refuse the document; empty if it is valid.
    """

    document: dict[str, Any]
    changes: tuple[Change, ...]
    problems: tuple[str, ...]


def migrate_document(text: str, framework: str | None = None) -> Migration:
    """Convert the text of a document of aws-sagemaker-build.

    Parameters
    ----------
    framework
        The framework; default: the document's own.

    Raises
    ------
    ParameterError
        The text is not a JSON object.
    InputError
        The framework is not known.
    """
    old, changes = read_object(text, "The old document"), Changes()
    code, data = str(old.get("codebucket") or ""), old.get("externaldatabucket")
    document: dict[str, Any] = {"framework": choose_framework(old, framework, changes)}
    _leave_out(old, changes)
    _convert_source_of_images(old, document, changes)
    _convert_flags(old, document, changes)
    convert_version(old, document, changes)
    _convert_objects(old, document, "" if data in UNSET else str(data), changes)
    for name in ("trainsourcefile", "hostsourcefile"):
        if name in old:
            document[name] = shorten_source(name, old.pop(name), code, changes)
    _carry_over(old, document, changes)
    check_image(document, changes)
    problems = Draft(document=document).find_problems()
    return Migration(order_parameters(document), tuple(changes), tuple(problems))


def _leave_out(old: dict[str, Any], changes: Changes) -> None:
    """Drop what belongs to the old stack, and what its deployment sets."""
    if bucket := old.pop("checkpointbucket", None):
        reason = (
            "the old stack passed the hyperparameter checkpoint_path to each script and own image; set "
            "hyperparameters.checkpoint_path for a script that reads it, or use the parameter checkpoints"
        )
        changes.add("checkpointbucket", "dropped", bucket, reason)
    for name in list(old):
        value, place = old[name], name.lower()
        if place in DEPLOYED:
            del old[name]
            target = DEPLOYED[place]
            if value not in UNSET:
                option = target.parameter.format(value)
                changes.add(name, "moved", value, f'deploy with --param="{option}"; {target.note}')
            else:
                changes.add(name, "dropped", value, "the old stack did not use it")
        elif name in OWN:
            changes.add(name, "dropped", old.pop(name), OWN[name])
        elif name in ELSEWHERE:
            del old[name]
            reason = "the old stack did not use it" if value in UNSET else ELSEWHERE[name]
            changes.add(name, "dropped" if value in UNSET else "moved", value, reason)
        elif value in (None, "none"):
            changes.add(name, "dropped", old.pop(name), "the default applies")


def _convert_source_of_images(old: dict[str, Any], document: dict[str, Any], changes: Changes) -> None:
    """Make the repository of the Dockerfiles the source of the images."""
    github, codecommit = old.pop("externalgithubrepo", None), old.pop("externalcodecommitrepo", None)
    branch = old.pop("branchbuildtrigger", None)
    names = (("externalgithubrepo", github), ("externalcodecommitrepo", codecommit), ("branchbuildtrigger", branch))
    for name, value in names:
        if value in UNSET and value is not None:
            changes.add(name, "dropped", value, "the old stack did not use it")
    if document["framework"] == "BYOD":
        if github not in UNSET:
            document["sourcelocation"] = str(github).removesuffix(".git")
            changes.add("externalgithubrepo", "renamed", github, f"it is sourcelocation {document['sourcelocation']}")
        elif codecommit not in UNSET:
            document["sourcelocation"] = f"codecommit::{codecommit}"
            reason = f"it is sourcelocation; deploy with codecommitRepositories={codecommit}: docs/access.md"
            changes.add("externalcodecommitrepo", "renamed", codecommit, reason)
        else:
            reason = "set it to the place of the Dockerfiles; the new stack creates no repository: docs/parameters.md"
            changes.add("sourcelocation", "kept", None, reason)
    if branch not in UNSET:
        option = "githubRepository=OWNER/NAME and githubBranch" if github not in UNSET else (
            f"codecommitRepository={'NAME' if codecommit in UNSET else codecommit} and codecommitBranch"
        )  # fmt: skip
        changes.add("branchbuildtrigger", "moved", branch, f"deploy with {option}={branch}; docs/triggers.md")


def _convert_flags(old: dict[str, Any], document: dict[str, Any], changes: Changes) -> None:
    known = MODELS[document["framework"]].model_fields
    for names, convert in ((NUMBERS, to_number), (FLAGS, to_flag)):
        for name in names:
            if name in old and (name in known or name == "train"):
                old[name] = convert(name, old[name], changes)
    if "train" in old and document["framework"] != "BYOD":
        trains = old.pop("train")
        if trains is False:
            document["skiptrain"] = True
            changes.add("train", "renamed", trains, "it is skiptrain true")
        else:
            changes.add("train", "dropped", trains, "a build trains unless skiptrain is true")
    if old.get("ModelArtifacts") and not old.get("skiptrain"):
        reason = "a build with ModelArtifacts deploys it without a training; the old stack also trained"
        changes.add("ModelArtifacts", "kept", old["ModelArtifacts"], reason)


def _convert_objects(old: dict[str, Any], document: dict[str, Any], bucket: str, changes: Changes) -> None:
    facts = FRAMEWORKS[document["framework"]]
    if isinstance(given := old.get("hyperparameters"), dict):
        old["hyperparameters"], requirements = convert_hyperparameters(given, facts, changes)
        if requirements:
            document["requirementsfile"] = requirements
    if isinstance(given := old.get("channels"), dict):
        old["channels"] = convert_channels(given, old.get("inputmode"), bucket, changes)
        if old.get("uri") and given:
            changes.add("uri", "dropped", old.pop("uri"), "the old stack did not use it when channels is given")
    if "tuningobjective" in old:
        old["tuningobjective"] = convert_metric("tuningobjective", old["tuningobjective"], changes)
    if isinstance(given := old.get("metrics"), list):
        old["metrics"] = [convert_metric(f"metrics[{number}]", each, changes) for number, each in enumerate(given)]
    if "Tags" in old:
        old["Tags"] = convert_tags(old["Tags"], changes)
    if "pipeline" in old:
        old["pipeline"] = convert_pipeline(old["pipeline"], old.get("modelhostingenvironment"), changes)


def _carry_over(old: dict[str, Any], document: dict[str, Any], changes: Changes) -> None:
    """Keep the parameters of the framework, and drop the others with a reason."""
    framework = document["framework"]
    known = MODELS[framework].model_fields
    for name, value in old.items():
        if name in known:
            document.setdefault(name, value)
        elif any(name in model.model_fields for model in MODELS.values()):
            changes.add(name, "dropped", value, f"it is not for framework {framework}")
        else:
            changes.add(name, "dropped", value, "neither aws-sagemaker-build nor sagebuild has this parameter")
