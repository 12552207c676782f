"""The stack and the next build, as the doctor examines them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sagebuild.builds.context import BuildContext, describe_next
from sagebuild.parameters import BuildParameters
from sagebuild.parameters.overrides import parse_build
from sagebuild.parameters.store import read_document
from sagebuild.plan.deployment import Live, describe_live
from sagebuild.plan.findings import Findings
from sagebuild.plan.requests import PlannedRequests, plan_requests
from sagebuild.service import Service

CreateClient = Callable[[str], Any]


@dataclass(frozen=True)
class Examination:
    """The stack and the next build as the plan would prepare it; each is read once."""

    service: Service
    create_client: CreateClient
    overrides: str = ""  # JSON; parameters for the next build only
    document: str | None = None  # a document to examine instead of the stored one

    @cached_property
    def context(self) -> BuildContext[BuildParameters]:
        """The next build."""
        text = read_document(self.service) if self.document is None else self.document
        parameters = parse_build(self.service.settings, text, self.overrides)
        return describe_next(self.service, parameters)

    @cached_property
    def live(self) -> Live:
        """The endpoint and its scaling."""
        return describe_live(self.service)

    @cached_property
    def request_findings(self) -> Findings:
        """The findings of the plan while it builds the requests."""
        return self._planned[1]

    @cached_property
    def requests(self) -> PlannedRequests:
        """The requests of the next build, as they would be sent."""
        return self._planned[0]

    @cached_property
    def _planned(self) -> tuple[PlannedRequests, Findings]:
        findings = Findings()
        return plan_requests(self.context, findings), findings
