"""Promotes builds from Python: finds the receiving pipeline, copies the model there, and requests its build."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import boto3

from sagebuild.builds.pipelines import DEFAULT
from sagebuild.changes.apply import apply_change
from sagebuild.changes.plan import PlannedChange, plan_change
from sagebuild.changes.promotion import OpenReceiver
from sagebuild.changes.sentences import describe_effect
from sagebuild.client.aws_errors import translating_errors
from sagebuild.client.launch_requests import read_user_name, send_confirmed
from sagebuild.client.stack_service import Clients, find_service
from sagebuild.service import Service


class Receiver(Protocol):
    """A stack or pipeline of `sagebuild.connect`."""

    service: Service


def choose_receiver(service: Service, *, region: str | None = None, profile: str | None = None) -> OpenReceiver:
    """Return a function that finds a receiving pipeline by "STACK" or "STACK/PIPELINE".

    Without a pipeline, that is the one with the same name as the promoting one.

    Parameters
    ----------
    region, profile
        Of the receiving stack; default: those of the promoting one. A profile without a region has its own region.
    """
    create_client: Callable[[str], Any] = partial(service.open_client, region=region)
    if profile:
        with translating_errors():
            create_client = Clients(boto3.session.Session(region_name=region, profile_name=profile))

    def open_receiver(to: str) -> Service:
        stack, _, pipeline = to.partition("/")
        return find_service(create_client, stack, pipeline or service.pipeline or DEFAULT)[0]

    return open_receiver


class Promotion:
    """A planned promotion, which starts nothing until `start` is called; it prints as what it would do."""

    def __init__(self, service: Service, number: int, to: str, open_receiver: OpenReceiver) -> None:
        self._service = service
        self._open_receiver = open_receiver
        self.planned: PlannedChange = plan_change(
            service, "promote", number=number, parameters={"to": to}, open_receiver=open_receiver
        )

    def start(self, requested_by: str) -> tuple[Service, int]:
        """Copy the model, request the receiving build, and return its pipeline and number.

        Raises
        ------
        ChangedSincePlanError
            The receiving pipeline has changed since the plan.
        SagebuildError
            See `sagebuild.changes.apply.apply_change`.
        """
        applied = apply_change(
            self._service,
            self.planned.token,
            by=requested_by,
            detail=read_user_name(),
            launch=send_confirmed,
            open_receiver=self._open_receiver,
        )
        return self._open_receiver(applied.receiver), applied.number

    def __str__(self) -> str:
        return describe_effect(self.planned)


def plan_promotion(
    service: Service, number: int, to: str | Receiver, region: str | None = None, profile: str | None = None
) -> Promotion:
    """Plan the promotion of a build; see `sagebuild.client.build.Build.promote`."""
    if not isinstance(to, str):
        receiver = to.service
        return Promotion(service, number, receiver.label, lambda _: receiver)
    return Promotion(service, number, to, choose_receiver(service, region=region, profile=profile))
