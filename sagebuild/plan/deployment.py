"""What a deployment is asked for beside the model: looked at before anything is paid."""

from __future__ import annotations

from sagebuild.parameters import BuildParameters
from sagebuild.plan.preflight import Findings
from sagebuild.requests.guardrails import examine_alarms
from sagebuild.service import Service
from sagebuild.steps.smoke_test import find_sample_problems


def examine_deployment(service: Service, parameters: BuildParameters, findings: Findings) -> None:
    """Look for the alarms that shall roll it back, and for the sample request that it must answer."""
    problems, notes = examine_alarms(service, parameters)
    findings.problems += [*problems, *find_sample_problems(service, parameters)]
    findings.notes += notes
