"""The safeguards of a parameter document, which a request for one build may tighten and not loosen.

A person who may write the document can loosen each of them there. A publisher to the launch topic has fewer rights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sagebuild.parameters.common import BuildParameters
from sagebuild.parameters.deployment_options import Guardrails, Improvement, QualityGate, SmokeTest
from sagebuild.parameters.evaluation_names import EVALUATED
from sagebuild.parameters.shown import show_value

# Of one safeguard: whether the second value is looser than the first, which is the document's and is given.
_IsLooser = Callable[[Any, Any], bool]


def find_loosened(document: BuildParameters, wanted: BuildParameters) -> Iterator[str]:
    """Yield a sentence for each safeguard that is looser in the wanted parameters than in the document's."""
    for name, is_looser in _SAFEGUARDS.items():
        before, after = getattr(document, name), getattr(wanted, name)
        if before != after and before not in (None, ()) and is_looser(before, after):
            yield f"{name} is {_show(before)} in the parameter document, and {_show(after)} is looser"
    if _sends_secret_elsewhere(document, wanted):
        yield "git_config.secret would be sent to a repository that the parameter document does not name with it"
    secret = getattr(wanted, "hubsecret", None)
    if secret and secret != getattr(document, "hubsecret", None):
        yield "hubsecret would send a secret to the hub that the parameter document does not name"
    for metric in _list_gated(document):
        if _list_patterns(document, metric) != _list_patterns(wanted, metric):
            yield f"the metric {show_value(metric)} decides about the deployment, and its Regex would change"
        if metric.startswith(EVALUATED) and document.evaluation != wanted.evaluation:
            yield f"the metric {show_value(metric)} decides about the deployment, and evaluation would change"


def _is_higher(before: float, after: float | None) -> bool:
    return after is None or after > before


def _is_lower(before: float, after: float) -> bool:
    return after < before


def _is_switched_off(before: bool, after: bool) -> bool:
    return before and not after


def _is_switched_on(before: bool, after: bool) -> bool:
    return after and not before


def _is_different(before: object, after: object) -> bool:
    return before != after


def _is_no_subset(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
    return not after or not set(after) <= set(before)


def _needs_no_approval(before: str, after: str) -> bool:
    return before == "manual" != after


def _is_wider_gate(before: QualityGate, after: QualityGate | None) -> bool:
    if after is None or after.metric != before.metric:
        return True
    lower = before.minimum is not None and (after.minimum is None or after.minimum < before.minimum)
    return lower or (before.maximum is not None and _is_higher(before.maximum, after.maximum))


def _is_smaller_improvement(before: Improvement, after: Improvement | None) -> bool:
    return after is None or (after.metric, after.goal) != (before.metric, before.goal) or after.margin < before.margin


def _is_faster_shift(before: Guardrails, after: Guardrails | None) -> bool:
    if after is None or not set(before.alarms) <= set(after.alarms):
        return True
    if after.wait < before.wait or after.terminationwait < before.terminationwait:
        return True
    steps = ("shifting", "percent", "instances", "timeout")
    return before.shifting != "ALL_AT_ONCE" and any(getattr(before, name) != getattr(after, name) for name in steps)


def _is_easier_test(before: SmokeTest, after: SmokeTest | None) -> bool:
    if after is None or (before.latency and _is_higher(before.latency, after.latency)):
        return True
    if before.answertype and after.answertype != before.answertype:
        return True
    request = ("contenttype", "body", "file", "accept", "status")
    return any(getattr(before, name) != getattr(after, name) for name in request)


_SAFEGUARDS: dict[str, _IsLooser] = {
    "approval": _needs_no_approval,
    "qualitygate": _is_wider_gate,
    "mustimprove": _is_smaller_improvement,
    "smoketest": _is_easier_test,
    "guardrails": _is_faster_shift,
    "deployEndpoint": _is_switched_on,
    "keepbuilds": _is_lower,  # a smaller number deletes models
    "maxcost": _is_higher,
    "networkisolation": _is_switched_off,
    "subnets": _is_no_subset,
    "securitygroups": _is_no_subset,
    "trafficencryption": _is_switched_off,
    "volumekmskey": _is_different,
    "outputkmskey": _is_different,
    "hostkmskey": _is_different,
}
# The parameters that can change a safeguard.
GUARDED = _SAFEGUARDS.keys() | {"evaluation", "git_config", "hubsecret", "metrics", "tuningobjective"}


def _sends_secret_elsewhere(document: BuildParameters, wanted: BuildParameters) -> bool:
    before, after = (getattr(parameters, "git_config", None) for parameters in (document, wanted))
    if not after or not after.secret:
        return False
    return not before or (before.repo, before.secret) != (after.repo, after.secret)


def _list_gated(parameters: BuildParameters) -> Iterator[str]:
    """Yield the metrics whose values decide about the deployment."""
    yield from {gate.metric for gate in (parameters.qualitygate, parameters.mustimprove) if gate}


def _list_patterns(parameters: BuildParameters, metric: str) -> list[str]:
    """Return the regular expressions that read a metric from the training's log."""
    objective = parameters.tuningobjective
    found = [each.Regex for each in parameters.metrics if each.Name == metric]
    if objective and objective.Name == metric and objective.Regex:
        found.append(objective.Regex)
    return found


def _show(value: Any) -> str:
    plain = value.model_dump(exclude_none=True) if hasattr(value, "model_dump") else value
    return show_value(plain) if plain is not None else "none"
