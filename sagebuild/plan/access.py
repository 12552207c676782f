"""Examines whether the roles of a build may read and write the S3 addresses in its requests.

The requests are examined, not the parameters, because they also contain what the user's own functions changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sagebuild.bucket_access import Action, BucketAccess, Place, Use
from sagebuild.builds.context import BuildContext
from sagebuild.images.byod import locate_source_in_s3
from sagebuild.parameters import BuildParameters, ByodParameters
from sagebuild.plan.findings import Findings
from sagebuild.plan.members import Path, list_texts, name_member, name_texts
from sagebuild.requests.bodies import Bodies, Body, read_kind
from sagebuild.requests.transform import locate_transform_input

# The role that reads and writes the addresses in a request.
_ROLES = {
    "processing": "TrainingRole",
    "training": "TrainingRole",
    "tuning": "TrainingRole",
    "transform": "HostingRole",
    "model": "HostingRole",
    "endpointConfig": "HostingRole",
}
# The members with the files of a model. Pack Model copies them, and HostingRole reads the copies.
_MODEL_FILES = {"ModelDataUrl", "S3Uri"}
# All members of these requests that are S3 addresses.
MEMBERS: dict[str, tuple[tuple[Action, ...], Place]] = {
    "S3Uri": (("read",), "prefix"),
    "ModelDataUrl": (("read",), "object"),
    "ManifestS3Uri": (("read",), "object"),
    "ShapBaselineUri": (("read",), "object"),
    "S3OutputPath": (("write",), "folder"),
    "S3FailurePath": (("write",), "folder"),
    "DestinationS3Uri": (("write",), "folder"),
    "OutputS3Uri": (("write",), "folder"),  # of a dataset definition
}
# The objects in which these members mean something else.
_PARENTS: dict[str, tuple[tuple[Action, ...], Place]] = {
    "CheckpointConfig": (("read", "write"), "prefix"),
    "S3Output": (("write",), "folder"),
}
# Where scripts and containers get values of the user's own.
_FREE = {"HyperParameters", "StaticHyperParameters", "Environment"}
# The files of a batch transform in the data bucket, in which HostingRole may read only those below score/.
_SCORED = "batchtransform.path"
# The hyperparameter and the variable with the address of the script's archive.
_SOURCE = "sagemaker_submit_directory"


def examine_access(
    context: BuildContext[BuildParameters], bodies: Bodies, artifacts: str | None, findings: Findings
) -> None:
    """Examine whether the roles that will read and write S3 addresses may do so.

    Parameters
    ----------
    artifacts
        The S3 address of the trained model, if the build trains none.
    """
    names = _name_addresses(context.parameters)
    if (job := context.parameters.batchtransform) and job.path:
        names[locate_transform_input(context, job)] = _SCORED
    uses = [*_list_uses(bodies, names)]
    if artifacts:
        place: Place = "prefix" if artifacts.endswith("/") else "object"
        uses.append(Use(names.get(artifacts, "the trained model"), artifacts, "ModelStepsRole", "read", place))
    byod = context.narrow(ByodParameters)
    if byod and (source := locate_source_in_s3(byod)):
        place = "prefix" if source.endswith("/") else "object"
        uses.append(Use("sourcelocation", source, "ImageProjectRole", "read", place))
    access = BucketAccess.of(context.service)
    _judge(access, uses, findings)
    for use in _list_free_uses(bodies, names):
        either = [use, Use(use.name, use.uri, use.role, "write", use.place)]
        if not any(map(access.allows, either)):
            findings.add_note(f"{use.name} is {use.uri}, which {use.role} may neither read nor write.")


def examine_earlier_model(context: BuildContext[BuildParameters], model: Body, findings: Findings) -> None:
    """Examine whether an endpoint may still read a model that an earlier build created.

    Parameters
    ----------
    model
        The answer of DescribeModel.
    """
    uses = _list_uses({"model": model}, _name_addresses(context.parameters), reader="HostingRole")
    _judge(BucketAccess.of(context.service), uses, findings)


def _judge(access: BucketAccess, uses: Iterable[Use], findings: Findings) -> None:
    denied = [use for use in dict.fromkeys(uses) if not access.allows(use)]
    refused = [use for use in denied if not access.find_policies(use.role)]
    advice = " and ".join(access.advise(refused))
    for use in refused:
        place = "put the files below score/" if use.name == _SCORED else "use a bucket of the stack"
        findings.problems.append(f"{use}; deploy the service with {advice}, or {place}.")
    for use in denied:
        if policies := access.find_policies(use.role):
            findings.add_note(f"{use}, unless a policy in {policies} allows it; that was not examined.")


def _list_uses(bodies: Bodies, names: dict[str, str], reader: str = "ModelStepsRole") -> Iterator[Use]:
    """Yield the addresses that SageMaker or a step uses; ``reader`` is the role that reads the files of a model."""
    for kind, body in bodies.items():
        for path, uri in _list_addresses(body):
            name, (parent, member) = names.get(uri) or name_member(kind, path), path[-2:]
            if parent in _FREE and member.lower() == _SOURCE:
                yield Use(name, uri, _ROLES[read_kind(kind)], "read", "object")
            elif parent not in _FREE and member in MEMBERS:
                actions, place = _PARENTS.get(parent, MEMBERS[member])
                role = reader if kind == "model" and member in _MODEL_FILES else _ROLES[read_kind(kind)]
                yield from (Use(name, uri, role, action, place) for action in actions)


def _list_free_uses(bodies: Bodies, names: dict[str, str]) -> Iterator[Use]:
    """Yield the addresses that only scripts and containers use, each as if they were read."""
    for kind, body in bodies.items():
        for path, uri in _list_addresses(body):
            if path[-2] in _FREE and path[-1].lower() != _SOURCE:
                yield Use(names.get(uri) or name_member(kind, path), uri, _ROLES[read_kind(kind)], "read", "object")


def _list_addresses(body: Any) -> Iterator[tuple[Path, str]]:
    """Yield the path and the text of each S3 address in a request."""
    return ((path, text) for path, text in list_texts(body) if text.startswith("s3://"))


def _name_addresses(parameters: BuildParameters) -> dict[str, str]:
    return name_texts(parameters, lambda _, text: text.startswith("s3://"))
