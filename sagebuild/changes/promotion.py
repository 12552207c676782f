"""Describes what a promotion to another stack would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sagebuild.builds.lock import PipelineState
from sagebuild.changes.basis import Live
from sagebuild.changes.start import find_gate
from sagebuild.cost.prices import date_prices
from sagebuild.cost.spent import Cost
from sagebuild.errors import BuildRunningError, InputError
from sagebuild.parameters import parse_document
from sagebuild.promotion.rules import find_promotable, name_both
from sagebuild.service import Service
from sagebuild.steps.approval import asks_approval

# Returns the receiving pipeline, bound, from "STACK" or "STACK/PIPELINE".
OpenReceiver = Callable[[str], Service]


@dataclass(frozen=True)
class Promotion:
    """The effect of a promotion.

    Parameters
    ----------
    number
        The build whose model moves.
    origin, receiver
        The pipelines, each as "STACK" or "STACK/PIPELINE", with its account or region where these differ.
    build
        The number that the build in the receiving pipeline would have.
    framework
        The framework of the model, with its version where the document has one.
    files, bytes
        What is copied.
    script
        The path of the serving script; empty without one.
    image
        The model's own image, with its digest; empty for an image of AWS.
    metrics
        The metrics that move, and that the receiver's gate compares.
    gate
        The metric of the receiver's quality gate; empty without a gate.
    asks_approval
        Whether the receiving build waits for an approval before it deploys.
    deploys
        Whether it changes the endpoint.
    replaces
        The build that is live in the receiving pipeline; None if no build's model is live.
    cost
        No training.
    """

    number: int
    origin: str
    receiver: str
    build: int
    framework: str
    files: int
    bytes: int
    script: str
    image: str
    metrics: Mapping[str, float]
    gate: str
    asks_approval: bool
    deploys: bool
    replaces: int | None
    cost: Cost


def open_named(open_receiver: OpenReceiver | None, parameters: Mapping[str, Any]) -> Service:
    """Return the receiving pipeline that the parameters of a promotion name.

    Raises
    ------
    InputError
        They name none.
    """
    to = parameters.get("to")
    if open_receiver is None or not isinstance(to, str) or not to.strip() or len(parameters) > 1:
        raise InputError('A promotion needs one parameter, "to": the receiving stack, or STACK/PIPELINE.')
    return open_receiver(to.strip())


def describe_promotion(
    service: Service, number: int | None, receiver: Service, state: PipelineState, live: Live, document: str
) -> Promotion:
    """Describe the promotion of a build.

    Parameters
    ----------
    state, live, document
        Of the receiving pipeline.

    Raises
    ------
    InputError
        No build is named.
    BuildRunningError
        A build of the receiving pipeline runs or is pending.
    ParameterError
        The receiving document is invalid.
    BuildNotFoundError, PromotionError, ModelChangedError
        See `find_promotable`.
    """
    if number is None:
        raise InputError("A promotion needs the number of a build.")
    found = find_promotable(service, number, receiver)
    if state.running or state.pending:
        raise BuildRunningError(
            f"Build {state.running or state.last_number + 1} of {receiver.label} is running, and a promotion does not "
            "wait for its end; stop that build, or promote when it has ended."
        )
    parameters = parse_document(document, default_framework=receiver.settings.framework)
    moved = found.parameters
    origin_name, receiver_name = name_both(service, receiver)
    names = ("algorithm", "frameworkversion", "tensorflowversion", "mxnetversion", "engine", "engineversion")
    version = " ".join(str(moved[name]) for name in names if name in moved)
    return Promotion(
        number=number,
        origin=origin_name,
        receiver=receiver_name,
        build=state.last_number + 1,
        framework=f"{found.framework} {version}".strip(),
        files=len(found.files),
        bytes=found.bytes,
        script=str(moved.get("hostentrypoint", "")) if found.source else "",
        image=str(moved.get("hostimage") or moved.get("InferenceImage") or ""),
        metrics=found.record.metrics,
        gate=find_gate(parameters),
        asks_approval=asks_approval(parameters),
        deploys=parameters.deployEndpoint,
        replaces=live.number,
        cost=Cost(None, 0.0, None, date_prices(), ()),
    )
