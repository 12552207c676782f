"""What a person has a stack do with builds: start and stop them, answer what they ask, go back to an earlier one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagebuild.client.build import Build
from sagebuild.client.launching import build_overrides, name_person, request_build, request_rollback
from sagebuild.running.stop import Stopped, stop_build
from sagebuild.service import Service
from sagebuild.steps.approval import answer_approval, find_waiting


class Steering:
    """The part of a `Stack` that makes something happen."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.made_by = "notebook"  # who asks for builds and stops them, for their records

    def start(self, changes: Mapping[str, Any] | None = None, /, **more: Any) -> Build:
        """Ask for a build.

        Parameters
        ----------
        changes, more
            Parameters for this build alone; the document stays as it is. A dotted name reaches into one:
            ``start({"hyperparameters.epochs": 20}, trainmaxrun=1)``.

        Returns
        -------
        Build
            The one that was started; if one runs already, the one that will follow it, "waiting".

        Raises
        ------
        ParameterError
            The build would be wrong with these parameters; nothing was asked for.
        NotConfirmedError
            The request was sent, and no build shows it after a minute.
        """
        given = {**(changes or {}), **more}
        overrides = build_overrides(self.service, given) if given else None
        return Build(self.service, request_build(self.service, self.made_by, overrides), self.made_by)

    def rollback(self, to: str | int = "previous") -> Build:
        """Have the endpoint serve an earlier build's model again; that is a build of its own, which trains nothing.

        Parameters
        ----------
        to
            "previous", which is what the live build has replaced; or the number of a build.

        Raises
        ------
        BuildNotFoundError, NotGoodBuildError, ModelGoneError, AlreadyLiveError, RollbackError
            There is no such build, it left no model live, its model was deleted, it is live, or there is none before.
        BuildRunningError
            A build runs, and a rollback does not wait for its end.
        """
        return Build(self.service, request_rollback(self.service, self.made_by, to), self.made_by)

    def stop(self, number: int | None = None, wait_seconds: float = 150.0) -> Stopped:
        """Stop the running build and what it pays for.

        Parameters
        ----------
        number
            The build meant; default: whichever runs.
        wait_seconds
            How long to look for the end of its job. SageMaker gives a training script 120 s to end by itself.

        Raises
        ------
        NoBuildRunningError
            No build runs, or not that one.
        """
        return stop_build(self.service, number, wait_seconds, requested_by=self.made_by)

    def awaiting_approval(self) -> Build | None:
        """The build that waits for a person's yes or no, if one does; ``print(build)`` says what it asks."""
        record = find_waiting(self.service)
        return Build(self.service, record.number, self.made_by, record) if record else None

    def approve(self, number: int | None = None, comment: str = "") -> Build:
        """Let a build that waits for an answer deploy its model.

        Parameters
        ----------
        number
            The build meant; default: whichever waits.
        comment
            Why, for the record and the notification.

        Raises
        ------
        NoApprovalPendingError
            No build waits for an answer, or not that one, or somebody has said no.
        """
        return self._answer(True, number, comment)

    def reject(self, number: int | None = None, comment: str = "") -> Build:
        """Have a build that waits for an answer end without deploying its model; see `approve`."""
        return self._answer(False, number, comment)

    def _answer(self, approved: bool, number: int | None, comment: str) -> Build:
        by = f"{name_person()} ({self.made_by})"
        record = answer_approval(self.service, approved, by, number, comment)
        return Build(self.service, record.number, self.made_by, record)
