"""Plans a change: says what it would do, and binds it to what that depends on. This changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from sagebuild.builds.lock import PipelineState, read_state
from sagebuild.changes.approval import Waiting, describe_waiting
from sagebuild.changes.basis import Basis, Live, bind_to_state, describe_live
from sagebuild.changes.document import NewValues, describe_new_values
from sagebuild.changes.promotion import OpenReceiver, Promotion, describe_promotion, open_named
from sagebuild.changes.rollback import Rollback, describe_rollback
from sagebuild.changes.start import NextBuild, describe_next_build
from sagebuild.changes.stop import Stop, describe_stop
from sagebuild.changes.token import Action, Change, write_token
from sagebuild.cost.spent import Cost
from sagebuild.errors import NoApprovalPendingError, PipelineNotFoundError
from sagebuild.parameters.store import read_with_version
from sagebuild.running.endpoint import Endpoint, describe_endpoint
from sagebuild.service import Service

Effect = NextBuild | Stop | Waiting | Rollback | NewValues | Promotion


@dataclass(frozen=True)
class PlannedChange:
    """A change that a person can confirm.

    Parameters
    ----------
    action
        What would be done.
    pipeline
        The pipeline's name; empty for the default pipeline.
    effect
        What that means: `NextBuild` of a start, `Stop` of a stop, `Waiting` of an approval or rejection, `Rollback` of
        a rollback, `NewValues` of new parameters, `Promotion` of a promotion.
        `sagebuild.changes.sentences` writes it in English.
    cost
        The estimated cost in US dollars; None if the change costs nothing by itself.
    live
        The live model; of a promotion, that of the receiving pipeline.
    token
        For `apply_change`.
    """

    action: Action
    pipeline: str
    effect: Effect
    cost: Cost | None
    live: Live
    token: str


@dataclass(frozen=True)
class _Found:
    """What was read for a plan."""

    state: PipelineState
    endpoint: Endpoint | None
    live: Live


def plan_change(
    service: Service,
    action: Action,
    *,
    number: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    removed: Sequence[str] = (),
    open_receiver: OpenReceiver | None = None,
) -> PlannedChange:
    """Say what a change would do, and return it with a token for `apply_change`. This changes nothing.

    Parameters
    ----------
    service
        Bound to the pipeline.
    action
        "start", "stop", "approve", "reject", "roll back", "set parameters" or "promote".
    number
        The build to stop, approve or reject; default: the running or waiting one. The build to which a rollback
        returns; default: the previous one. The build to promote.
    parameters
        Of a start, parameters for that build alone, each a whole parameter. Of "set parameters", the new values; a
        dotted name sets a value inside a parameter: ``{"hyperparameters.epochs": 20}``. Of "promote", the receiving
        pipeline: ``{"to": "sagebuild-prod"}``.
    removed
        Of "set parameters", the names to remove from the document, so that their defaults apply.
    open_receiver
        Of "promote", finds the receiving pipeline.

    Raises
    ------
    PipelineNotFoundError
        The pipeline does not exist, or it is being removed.
    ParameterError
        The parameter document is invalid.
    InvalidValueError
        A given parameter is invalid.
    NoBuildRunningError
        There is no build to stop, or another one runs.
    NoApprovalPendingError
        No build waits for approval, or another one does.
    BuildRunningError
        A rollback or a promotion does not wait for the running build.
    RollbackError, BuildNotFoundError
        The rollback is impossible; see `sagebuild.plan.rollback.find_target`.
    PromotionError, ModelChangedError
        The promotion is impossible; see `sagebuild.promotion.rules.find_promotable`.
    """
    state = read_state(service)
    if state.removed_at or not state.exists:
        raise PipelineNotFoundError(f"The pipeline {service.label} does not exist, or it is being removed.")
    given = dict(parameters or {})
    if action == "promote":
        return _plan_promotion(service, number, open_named(open_receiver, given))
    endpoint = describe_endpoint(service)
    found = _Found(state, endpoint, describe_live(service, endpoint))
    match action:
        case "start":
            return _plan_start(service, found, given)
        case "stop":
            stop = describe_stop(service, state, number)
            return _plan(service, action, found, stop, stop.number, Basis(), cost=stop.cost)
        case "approve" | "reject":
            return _plan_answer(service, action, found, number)
        case "roll back":
            rollback = describe_rollback(service, state, endpoint, number)
            basis = replace(bind_to_state(state), live_config=found.live.config)
            return _plan(service, action, found, rollback, rollback.number, basis, cost=rollback.cost)
        case "set parameters":
            text, version = read_with_version(service)
            values = describe_new_values(service, text, given, removed)
            return _plan(service, action, found, values, 0, Basis(document_version=version), given, removed=removed)


def _plan_start(service: Service, found: _Found, parameters: dict[str, Any]) -> PlannedChange:
    text, version = read_with_version(service)
    build = describe_next_build(service, found.state, text, parameters)
    basis = replace(bind_to_state(found.state), live_config=found.live.config, document_version=version)
    return _plan(service, "start", found, build, build.number, basis, parameters, build.cost)


def _plan_promotion(service: Service, number: int | None, receiver: Service) -> PlannedChange:
    """Plan a promotion, which depends on the state of the receiving pipeline."""
    state, endpoint = read_state(receiver), describe_endpoint(receiver)
    found = _Found(state, endpoint, describe_live(receiver, endpoint))
    text, version = read_with_version(receiver)
    effect = describe_promotion(service, number, receiver, state, found.live, text)
    basis = replace(bind_to_state(state), live_config=found.live.config, document_version=version)
    return _plan(service, "promote", found, effect, effect.number, basis, {"to": receiver.label}, effect.cost)


def _plan_answer(service: Service, action: Action, found: _Found, number: int | None) -> PlannedChange:
    waiting = describe_waiting(service)
    if waiting is None:
        raise NoApprovalPendingError("No build waits for an answer.")
    if number not in (None, waiting.number):
        raise NoApprovalPendingError(f"Build {number} does not wait for approval; build {waiting.number} does.")
    # A rejection changes nothing that is live.
    basis = Basis(live_config=found.live.config) if action == "approve" else Basis()
    return _plan(service, action, found, waiting, waiting.number, basis, cost=waiting.cost)


def _plan(
    service: Service,
    action: Action,
    found: _Found,
    effect: Effect,
    number: int,
    basis: Basis,
    parameters: Mapping[str, Any] | None = None,
    cost: Cost | None = None,
    removed: Sequence[str] = (),
) -> PlannedChange:
    change = Change(uuid4().hex, action, service.stack_key, service.pipeline, number, parameters or {}, basis, removed)
    return PlannedChange(action, service.pipeline, effect, cost, found.live, write_token(change))
