"""Reads SageMaker requests and descriptions, and converts them to one parameter document."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

from sagebuild.client.conversion.draft import Draft, Unconverted
from sagebuild.client.conversion.endpoint import convert_endpoint_config
from sagebuild.client.conversion.members import TAGS, TRAINING, TUNING, Members
from sagebuild.client.conversion.model import convert_model
from sagebuild.client.conversion.model_members import ENDPOINT_CONFIG, MODEL
from sagebuild.client.conversion.shared import convert_tags, order_parameters
from sagebuild.client.conversion.source import Source
from sagebuild.client.conversion.training import convert_training
from sagebuild.client.conversion.tuning import convert_tuning
from sagebuild.errors import InputError

_HOOK = "the function of deploy parameter {} can add it to the request (docs/hooks.md)"


class Kind(NamedTuple):
    """A kind of request.

    Parameters
    ----------
    marks
        Members of which each shows that a request is of this kind.
    advice
        What to do about a member without a counterpart.
    """

    title: str
    marks: tuple[str, ...]
    members: Members
    convert: Callable[[Draft, Source], None]
    advice: str


# In the order of the conversion: a training decides on the framework, and the endpoint on the image of a model.
KINDS = {
    "training": Kind(
        "training job",
        ("TrainingJobName", "AlgorithmSpecification"),
        TRAINING,
        convert_training,
        _HOOK.format("trainingConfigFunction"),
    ),
    "tuning": Kind(
        "tuning job",
        ("HyperParameterTuningJobName", "HyperParameterTuningJobConfig"),
        TUNING,
        convert_tuning,
        _HOOK.format("trainingConfigFunction"),
    ),
    "endpointConfig": Kind(
        "endpoint configuration",
        ("EndpointConfigName", "ProductionVariants"),
        ENDPOINT_CONFIG,
        convert_endpoint_config,
        _HOOK.format("endpointConfigFunction"),
    ),
    "model": Kind(
        "model",
        ("ModelName", "PrimaryContainer", "Containers"),
        MODEL,
        convert_model,
        _HOOK.format("modelConfigFunction"),
    ),
    "tags": Kind("list of tags", ("Tags",), {"Tags": TAGS}, convert_tags, ""),
}
_SUPPORTED = (
    "describe-training-job, describe-hyper-parameter-tuning-job, describe-model, describe-endpoint-config and list-tags"
)


@dataclass(frozen=True)
class Conversion:
    """The result of a conversion.

    Parameters
    ----------
    document
        The parameter document.
    unconverted
        Fields without a counterpart.
    given
        Fields that sagebuild sets itself.
    notes
        Sentences about what the document changes.
    problems
        Sentences about why a build would refuse the document; empty if it is valid.
    """

    document: dict[str, Any]
    unconverted: tuple[Unconverted, ...]
    given: tuple[str, ...]
    notes: tuple[str, ...]
    problems: tuple[str, ...]


def convert_requests(texts: Iterable[tuple[str, str]], framework: str | None = None) -> Conversion:
    """Convert the texts of requests to one parameter document.

    Parameters
    ----------
    texts
        Names of files, each with its text: JSON as `aws sagemaker describe-...` prints it, or an array of such objects.
    framework
        The framework of an image that is not AWS's; default: BYOD, or what AWS's images are.

    Raises
    ------
    InputError
        A text is not such a request, or two requests are of a kind of which a document has one.
    """
    found = [(kind, label, body) for name, text in texts for kind, label, body in _read_requests(name, text)]
    _refuse_repeated(found)
    draft = Draft(document={"framework": framework} if framework else {})
    for kind, label, body in sorted(found, key=lambda each: list(KINDS).index(each[0])):
        draft.label = label if len(found) > 1 else ""
        rest = Source(body)
        try:
            KINDS[kind].convert(draft, rest)
        except InputError as error:
            raise InputError(f"{label}: {error}") from None
        draft.report_rest(rest.content, KINDS[kind].members, KINDS[kind].advice)
    _note_what_is_missing(draft, {kind for kind, _, _ in found})
    return Conversion(
        order_parameters(draft.document),
        tuple(draft.unconverted),
        tuple(draft.given),
        tuple(draft.notes),
        tuple(draft.find_problems()),
    )


def _read_requests(name: str, text: str) -> list[tuple[str, str, dict[str, Any]]]:
    try:
        content = json.loads(text.removeprefix("\ufeff"))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{name} is not JSON ({error}); it must be what aws sagemaker describe-... prints.") from None
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InputError(f"{name} has half a character (a surrogate without its other half).") from None
    several = content if isinstance(content, list) else [content]
    return [(_find_kind(name, body), name, deepcopy(body)) for body in several]


def _find_kind(name: str, body: Any) -> str:
    members = body.keys() if isinstance(body, dict) else ()
    if "EndpointName" in members:
        raise InputError(
            f"{name} is an endpoint; give its configuration, which aws sagemaker describe-endpoint-config prints."
        )
    for kind, facts in KINDS.items():
        if any(mark in members for mark in facts.marks):
            return kind
    raise InputError(f"{name} is not a request that can be converted; give the JSON of {_SUPPORTED}.")


def _refuse_repeated(found: list[tuple[str, str, Any]]) -> None:
    if not found:
        raise InputError(f"There is nothing to convert; give the JSON of {_SUPPORTED}.")
    kinds = ["training" if kind == "tuning" else kind for kind, _, _ in found]
    for kind in {kind for kind in kinds if kinds.count(kind) > 1 and kind != "tags"}:
        names = ", ".join(name for each, (_, name, _) in zip(kinds, found, strict=True) if each == kind)
        raise InputError(
            f"{names}: more than one {KINDS[kind].title}; a document has one training or tuning job, one model and one "
            "endpoint configuration. Convert the others to documents of other pipelines."
        )


def _note_what_is_missing(draft: Draft, kinds: set[str]) -> None:
    document = draft.document
    if document.get("framework") == "BYOD" and "InferenceImage" not in document:
        draft.note("InferenceImage is not known; convert the model's request, too, or set InferenceImage.")
    if not kinds & {"training", "tuning", "model"}:
        draft.note("Without a training job or a model, the framework is not known; the document is a part of one.")
