"""Makes a planned change, once: refuses it if anything that it depends on has changed, and reports a repeat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sagebuild.builds.lock import PipelineState, fingerprint_request, read_seen, read_state
from sagebuild.builds.records import Trigger, read_build
from sagebuild.changes.basis import Difference, find_differences
from sagebuild.changes.document import set_parameters
from sagebuild.changes.promotion import OpenReceiver, open_named
from sagebuild.changes.token import Action, Change, read_token
from sagebuild.errors import NoBuildRunningError, SagebuildError
from sagebuild.launch.promotion_request import PROMOTION
from sagebuild.launch.start import launch_builds
from sagebuild.launch.triggers import LaunchRequest
from sagebuild.promotion.copying import copy_promotion
from sagebuild.promotion.rules import find_promotable
from sagebuild.running.stop import Stopped, describe_stopped, stop_build
from sagebuild.service import Service
from sagebuild.steps.approval import answer_approval

# Requests a build or a rollback, and returns when a build covers it, or when it was refused.
Launch = Callable[[Service, LaunchRequest], object]


@dataclass(frozen=True)
class Applied:
    """A change that was made.

    Parameters
    ----------
    action
        What was done.
    pipeline
        The pipeline's name; empty for the default pipeline. Of a promotion, the receiving one's.
    number
        The build that was started, stopped, approved or rejected; 0 for parameters.
    started
        Of a start or rollback: False while the build waits for the running one.
    running
        Of a start that waits: the running build.
    waiting
        Of a start that waits: the number of requests that its build covers.
    restores
        Of a rollback: the build to which it returns.
    repeated
        Whether the token was applied before, so that nothing was done now.
    stopped
        Of a stop: what was confirmed.
    follows
        Of a stop: the pending build, which starts then; None if none waits.
    receiver
        Of a promotion: the pipeline in which the build was started, as "STACK" or "STACK/PIPELINE"; else empty.
    """

    action: Action
    pipeline: str
    number: int
    started: bool = False
    running: int | None = None
    waiting: int = 0
    restores: int = 0
    repeated: bool = False
    stopped: Stopped | None = None
    follows: int | None = None
    receiver: str = ""


class ChangedSincePlanError(SagebuildError):
    """Something that a planned change depends on has changed, so it was not made; `differences` says what."""

    def __init__(self, differences: list[Difference]) -> None:
        sentences = " ".join(difference.sentence for difference in differences)
        super().__init__(f"{sentences} Nothing was done; plan the change again.")
        self.differences = tuple(differences)


def apply_change(
    service: Service,
    token: str,
    *,
    by: str,
    detail: str = "",
    comment: str = "",
    wait_seconds: float = 4.0,
    launch: Launch | None = None,
    open_receiver: OpenReceiver | None = None,
) -> Applied:
    """Make a planned change. The same token again changes nothing more, and reports the first result.

    Parameters
    ----------
    service
        The stack; the token names the pipeline.
    token
        As `plan_change` returned it.
    by
        The kind of trigger that a build records, one of `sagebuild.launch.triggers.KINDS`: "voice", "command", ...
    detail
        Identifies the request in the record of a build that is started.
    comment
        Of an approval or rejection, for the record and the notification.
    wait_seconds
        How long a stop waits for the end of the job.
    launch
        How to request a build; default: write the builds table and start the execution. Users without these rights
        send a message instead, and wait until a build covers it.
    open_receiver
        Of a promotion, finds the receiving pipeline.

    Returns
    -------
    Applied
        The result.

    Raises
    ------
    ChangedSincePlanError
        Something that the change depends on has changed; nothing was done.
    NoBuildRunningError
        The build to stop has ended.
    NoApprovalPendingError
        The build no longer waits, or has a different answer.
    InputError
        The token is not valid for this stack.
    AwsUnavailableError
        It is unknown whether the change was made; apply the same token again.
    """
    change = read_token(service, token)
    service = service.for_pipeline(change.pipeline)
    match change.action:
        case "stop":
            return _stop(service, change, by, wait_seconds)
        case "approve" | "reject":
            return _answer(service, change, by, comment)
        case "set parameters":
            _refuse_unless(set_parameters(service, change), _DOCUMENT)
            return Applied(change.action, change.pipeline, change.number)
        case "promote":
            receiver = open_named(open_receiver, change.parameters)
            return _launch(receiver, change, Trigger(PROMOTION, detail), launch or _launch_directly, service)
    return _launch(service, change, Trigger(by, detail), launch or _launch_directly)


_DOCUMENT = Difference("document", "The parameter document has changed since the change was planned.")
_BUILD = Difference("build", "A build has started or ended since the change was planned.")


def _refuse_unless(is_done: bool, difference: Difference) -> None:
    if not is_done:
        raise ChangedSincePlanError([difference])


def _stop(service: Service, change: Change, by: str, wait_seconds: float) -> Applied:
    state = read_state(service)
    if state.running != change.number:
        record = read_build(service, change.number)
        if not record.stop_requested_by:
            raise NoBuildRunningError(f"Build {change.number} has ended ({record.status}); there is nothing to stop.")
        # An earlier delivery of the same change, or another person, has stopped it.
        stopped = describe_stopped(service, record)
        return Applied(change.action, change.pipeline, change.number, repeated=True, stopped=stopped)
    repeated = bool(read_build(service, change.number).stop_requested_by)
    stopped = stop_build(service, change.number, wait_seconds, requested_by=by)
    follows = state.last_number + 1 if state.pending else None
    return Applied(change.action, change.pipeline, change.number, repeated=repeated, stopped=stopped, follows=follows)


def _answer(service: Service, change: Change, by: str, comment: str) -> Applied:
    approved = change.action == "approve"
    record = read_build(service, change.number)
    repeated = record.approval == ("approved" if approved else "rejected")
    if not repeated and (differences := find_differences(service, change.basis)):
        raise ChangedSincePlanError(differences)
    answer_approval(service, approved, by, change.number, comment)
    return Applied(change.action, change.pipeline, change.number, repeated=repeated)


def _launch(
    service: Service, change: Change, trigger: Trigger, launch: Launch, origin: Service | None = None
) -> Applied:
    """Request the build, rollback or promotion of a change, unless an earlier delivery has.

    Parameters
    ----------
    service
        The pipeline in which the build starts.
    origin
        Of a promotion, the pipeline of the promoted build.
    """
    repeated = _find_counted(service, change) is not None
    if not repeated and (differences := find_differences(service, change.basis)):
        # Another delivery of the same token may have made the difference.
        repeated = _find_counted(service, change) is not None
        if not repeated:
            raise ChangedSincePlanError(differences)
    if not repeated or launch is _launch_directly:  # a repeat starts an execution that the first call did not
        request = _write_request(change, trigger)
        if origin:
            request = replace(request, pipeline=service.pipeline, overrides={})
            if not repeated:
                promotable = find_promotable(origin, change.number, service)
                request = replace(request, origin=copy_promotion(origin, promotable, service))
        launch(service, request)
    state = _find_counted(service, change)
    if state is None:
        raise ChangedSincePlanError(find_differences(service, change.basis) or [_BUILD])
    return _describe_launched(service, change, state, repeated=repeated)


def _write_request(change: Change, trigger: Trigger) -> LaunchRequest:
    if change.action == "roll back":
        trigger = Trigger(trigger.kind, trigger.detail, rollback=str(change.number))
    return LaunchRequest(
        trigger,
        change.id,
        overrides=change.parameters,
        pipeline=change.pipeline,
        expected=change.basis.expected,
    )


def _launch_directly(service: Service, request: LaunchRequest) -> None:
    launch_builds(service, [request])


def _find_counted(service: Service, change: Change) -> PipelineState | None:
    """Return the pipeline's state if a build covers the change; None if none does."""
    state = read_state(service)
    return state if fingerprint_request(change.id) in read_seen(service, state) else None


def _describe_launched(service: Service, change: Change, state: PipelineState, *, repeated: bool) -> Applied:
    # The state in which the request was counted is known, and so is the build that covers it.
    number = (change.basis.last_number or 0) + 1
    started = state.last_number >= number
    return Applied(
        change.action,
        service.pipeline,
        number,
        started=started,
        running=None if started else state.running,
        waiting=state.pending.count if state.pending and not started else 0,
        restores=change.number if change.action == "roll back" else 0,
        repeated=repeated,
        receiver=service.label if change.action == "promote" else "",
    )
