"""The buttons of the page: each first shows what it would do, and a second one does exactly that, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sagebuild.changes.document import NewValues
from sagebuild.changes.plan import PlannedChange
from sagebuild.changes.sentences import describe_effect, describe_result
from sagebuild.changes.token import Action
from sagebuild.client.document import Parameters
from sagebuild.client.versions import find_version
from sagebuild.cost.spent import format_cost
from sagebuild.errors import InputError
from sagebuild.page.answers import Answer, catch_errors
from sagebuild.page.source import Source
from sagebuild.redaction import redact_values

# The label of each action's button, and whether it stops or replaces something.
_LABELS: Mapping[Action, tuple[str, bool]] = {
    "start": ("Start a build", False),
    "stop": ("Stop the build", True),
    "approve": ("Approve", False),
    "reject": ("Reject", True),
    "roll back": ("Roll back", True),
    "set parameters": ("Save the parameters", False),
    "promote": ("Promote the model", True),
}
# The page shows what was confirmed until then; the build's own page shows the rest.
_STOP_SECONDS = 4.0


def plan_change(source: Source, pipeline: str, given: Mapping[str, Any]) -> Answer:
    """Show what a change would do; this changes nothing."""
    return catch_errors(lambda: _plan(source, pipeline, given))


def apply_change(source: Source, given: Mapping[str, Any]) -> Answer:
    """Make a planned change."""
    return catch_errors(lambda: _apply(source, given))


def predict(source: Source, pipeline: str, given: Mapping[str, Any]) -> Answer:
    """Send a request to the endpoint, and show its answer."""
    return catch_errors(lambda: _predict(source, pipeline, given))


def _plan(source: Source, pipeline: str, given: Mapping[str, Any]) -> Answer:
    action = next((known for known in _LABELS if known == given.get("action")), None)
    if action is None:
        raise InputError(f"There is no action {given.get('action')!r}; choose one of {', '.join(_LABELS)}.")
    _refuse_if_read_only(source)
    number, parameters, removed = given.get("number"), given.get("parameters") or {}, given.get("removed") or []
    if not isinstance(parameters, dict) or not isinstance(removed, list) or not isinstance(number, int | None):
        raise InputError("A number is a whole number, parameters are a JSON object, and removed is a list of names.")
    chosen = source.pipeline(pipeline)
    if action == "promote" and not parameters:
        receivers = [name for name in source.stack.list_stacks() if name != source.stack.name]
        if not receivers:
            raise InputError(
                f"There is no other stack in {source.stack.region} to promote build {number} to; deploy one, such as "
                "sagebuild up --stack sagebuild-prod. For a stack in another region or account, use sagebuild promote."
            )
        if len(receivers) > 1:
            return Answer("receivers", {"number": number, "receivers": receivers})
        parameters = {"to": receivers[0]}
    if action == "set parameters" and number is not None:
        parameters, removed = _restore(chosen.parameters, number)
    planned = chosen.plan(action, number, parameters, removed=removed)
    label, is_danger = _LABELS[planned.action]
    values = {
        "label": label,
        "is_danger": is_danger,
        "effect": describe_effect(_hide_secrets(planned)),
        "cost": format_cost(planned.cost) if planned.cost and planned.cost.prices_date else "",
        "asks_comment": planned.action in ("approve", "reject"),
        "token": planned.token,
    }
    return Answer("plan", values)


def _restore(parameters: Parameters, number: int) -> tuple[dict[str, Any], list[str]]:
    """Return which parameters to set and to remove, so that the document is that of an earlier version."""
    stored, wanted = parameters.document, find_version(parameters.history(), number, parameters.name).document
    changed = {name: value for name, value in wanted.items() if name not in stored or stored[name] != value}
    removed = [name for name in stored if name not in wanted]
    if not changed and not removed:
        raise InputError(f"The document is that of version {number} already.")
    return changed, removed


def _apply(source: Source, given: Mapping[str, Any]) -> Answer:
    _refuse_if_read_only(source)
    token, comment = str(given.get("token", "")), str(given.get("comment", ""))
    applied = source.stack.apply(token, comment, _STOP_SECONDS)
    is_here = applied.action != "set parameters" and not applied.receiver
    number = applied.number if is_here else 0
    return Answer("applied", {"sentence": describe_result(applied), "number": number})


def _predict(source: Source, pipeline: str, given: Mapping[str, Any]) -> Answer:
    body, content_type = str(given.get("body", "")).encode(), str(given.get("content_type", "text/csv"))
    answer = source.pipeline(pipeline).predict(body, content_type=content_type, raw=True)
    return Answer("text", {"text": answer.decode(errors="replace"), "label": "Answer of the endpoint", "nothing": ""})


def _refuse_if_read_only(source: Source) -> None:
    if source.read_only:
        raise InputError("This page only reads: it was started with --read-only. Start it again without the option.")


def _hide_secrets(planned: PlannedChange) -> PlannedChange:
    """Hide the values of secret settings, which are no longer recognised inside a sentence."""
    if not isinstance(planned.effect, NewValues):
        return planned
    old, new = (redact_values(dict(values)) for values in (planned.effect.old, planned.effect.new))
    return replace(planned, effect=NewValues(old, new))
