"""The methods of a pipeline that change something: start, stop, approve, reject, roll back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sagebuild.changes.apply import Applied, apply_change
from sagebuild.changes.plan import PlannedChange, plan_change
from sagebuild.changes.token import Action
from sagebuild.client.build import Build
from sagebuild.client.doctor import check_next_build
from sagebuild.client.launch_requests import (
    build_overrides,
    read_user_name,
    request_build,
    request_rollback,
    send_confirmed,
)
from sagebuild.client.promotion import choose_receiver
from sagebuild.running.stop import Stopped, stop_build
from sagebuild.service import Service
from sagebuild.steps.approval import answer_approval, find_waiting


class PipelineActions:
    """The base class of `Pipeline` that holds its changing methods."""

    def __init__(self, service: Service, create_client: Callable[[str], Any]) -> None:
        self.service = service
        self._create_client = create_client
        self.requested_by = "notebook"  # or "command", "assistant"; builds record it

    def start(self, changes: Mapping[str, Any] | None = None, /, *, check: bool = True, **more: Any) -> Build:
        """Request a build.

        Parameters
        ----------
        changes, more
            Parameters for this build alone; the document is unchanged. A dotted name sets a value inside one:
            ``start({"hyperparameters.epochs": 20}, trainmaxrun=1)``.
        check
            First run the checks of `diagnose` that concern the build: parameters, images, data and scripts, account,
            requests and quotas. A check that your credentials do not allow is left out; the build repeats it.

        Returns
        -------
        Build
            The build that was started. If another build runs, the one that follows it, with the status "waiting".

        Raises
        ------
        ParameterError
            These parameters are invalid; nothing was requested.
        PreflightError
            A check found an error; nothing was requested.
        NotConfirmedError
            The request was sent, but no build has included it after a minute.
        """
        given = {**(changes or {}), **more}
        overrides = build_overrides(self.service, given) if given else {}
        if check:
            check_next_build(self.service, self._create_client, overrides).raise_errors()
        return Build(self.service, request_build(self.service, self.requested_by, overrides), self.requested_by)

    def rollback(self, to: str | int = "previous") -> Build:
        """Deploy an earlier build's model again, as a build of its own that trains nothing.

        Parameters
        ----------
        to
            The number of a build; or "previous", for the build that the live one replaced.

        Raises
        ------
        BuildNotFoundError
            There is no such build.
        NotGoodBuildError
            The build did not leave its model live.
        ModelGoneError
            The build's model or endpoint configuration was deleted.
        AlreadyLiveError
            The build's model is live.
        RollbackError
            No earlier build left its model live.
        BuildRunningError
            A build is running; a rollback is not queued behind it.
        """
        return Build(self.service, request_rollback(self.service, self.requested_by, to), self.requested_by)

    def plan(
        self,
        action: Action,
        number: int | None = None,
        parameters: Mapping[str, Any] | None = None,
        *,
        removed: Sequence[str] = (),
        check: bool = True,
    ) -> PlannedChange:
        """Say what a change would do, and return it with a token for `apply`. This changes nothing.

        Parameters
        ----------
        action
            "start", "stop", "approve", "reject", "roll back", "set parameters" or "promote".
        number
            The build to stop, to approve, to reject, to promote, or to which a rollback returns.
        parameters
            Of a start, for that build alone; of "set parameters", the new values. Dotted names are possible. Of
            "promote", the receiving pipeline: ``{"to": "sagebuild-prod"}``.
        removed
            Of "set parameters", the names to remove, so that their defaults apply.
        check
            Before a start, run the same checks as `start`.

        Raises
        ------
        SagebuildError
            The change is impossible; `sagebuild.changes.plan.plan_change` lists the reasons.
        PreflightError
            A check found an error.
        """
        given = dict(parameters or {})
        if action == "start":
            given = build_overrides(self.service, given) if given else {}
            if check:
                check_next_build(self.service, self._create_client, given).raise_errors()
        open_receiver = choose_receiver(self.service)
        return plan_change(
            self.service, action, number=number, parameters=given, removed=removed, open_receiver=open_receiver
        )

    def apply(self, token: str, comment: str = "", wait_seconds: float = 150.0) -> Applied:
        """Make a planned change, once. The same token again changes nothing more, and returns the first result.

        Parameters
        ----------
        token
            Of `plan`, for a pipeline of this stack.
        comment
            Of an approval or rejection: the reason, for the record and the notification.
        wait_seconds
            Of a stop: how long to wait until its job has ended.

        Raises
        ------
        ChangedSincePlanError
            Something that the change depends on has changed; nothing was done.
        SagebuildError
            The change is impossible, or it is unknown whether it was made; `sagebuild.changes.apply.apply_change`
            lists the reasons.
        """
        return apply_change(
            self.service,
            token,
            by=self.requested_by,
            comment=comment,
            wait_seconds=wait_seconds,
            launch=send_confirmed,
            open_receiver=choose_receiver(self.service),
        )

    def stop(self, number: int | None = None, wait_seconds: float = 150.0) -> Stopped:
        """Stop the running build and its paid jobs.

        Parameters
        ----------
        number
            The build to stop; default: the running one.
        wait_seconds
            How long to wait until its job has ended. SageMaker gives a training script 120 s to end by itself.

        Raises
        ------
        NoBuildRunningError
            No build is running, or another one than ``number``.
        """
        return stop_build(self.service, number, wait_seconds, requested_by=self.requested_by)

    def awaiting_approval(self) -> Build | None:
        """Return the build that waits for approval; None if none does. ``print(build)`` shows its metrics and cost."""
        record = find_waiting(self.service)
        return Build(self.service, record.number, self.requested_by, record) if record else None

    def approve(self, number: int | None = None, comment: str = "") -> Build:
        """Let a build that waits for approval deploy its model.

        Parameters
        ----------
        number
            The build to approve; default: the one that waits.
        comment
            The reason, for the record and the notification.

        Raises
        ------
        NoApprovalPendingError
            No build waits for approval, or another one than ``number``, or it was rejected already.
        """
        return self._answer(True, number, comment)

    def reject(self, number: int | None = None, comment: str = "") -> Build:
        """Let a build that waits for approval end without deploying its model; see `approve`."""
        return self._answer(False, number, comment)

    def _answer(self, approved: bool, number: int | None, comment: str) -> Build:
        by = f"{read_user_name()} ({self.requested_by})"
        record = answer_approval(self.service, approved, by, number, comment)
        return Build(self.service, record.number, self.requested_by, record)
