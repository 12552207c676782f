"""Builds a target's input: the event, a part of it, a constant, or a filled template."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.ext.parser import parse
from moto.events.exceptions import ValidationException

_TOKEN = re.compile(r'<([\w.-]+)>|\\.|"', re.DOTALL)
_MISSING = object()


def build_input(target: dict[str, Any], event: dict[str, Any], rule_name: str, rule_arn: str) -> str:
    """The input of a target.

    Parameters
    ----------
    target
        The target in the request of PutTargets.
    event
        The event.
    rule_name, rule_arn
        Of the matching rule, for the templates' reserved variables.

    Returns
    -------
    str
        JSON, or the text of a filled template.
    """
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        value = _find(target["InputPath"], event)
        return json.dumps(None if value is _MISSING else value)
    if transformer := target.get("InputTransformer"):
        values = {name: _find(path, event) for name, path in transformer.get("InputPathsMap", {}).items()}
        reserved = {
            "aws.events.rule-arn": rule_arn,
            "aws.events.rule-name": rule_name,
            "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
            "aws.events.event.json": event,
            "aws.events.event.ingestion-time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        }
        return _fill(transformer["InputTemplate"], values | reserved)
    return json.dumps(event)


def check(target: dict[str, Any]) -> None:
    """Refuse a target with an invalid JSON path.

    Raises
    ------
    ValidationException
        With the path.
    """
    for path in [target.get("InputPath", "$"), *target.get("InputTransformer", {}).get("InputPathsMap", {}).values()]:
        try:
            parse(path)
        except JSONPathError:
            raise ValidationException(f"Invalid JSON path {path} in target {target['Id']}.") from None


def _find(path: str, event: dict[str, Any]) -> Any:
    matches = parse(path).find(event)
    return matches[0].value if matches else _MISSING


def _fill(template: str, values: dict[str, Any]) -> str:
    """Fill a template; a variable inside quotes is inserted as text, others as JSON."""
    quoted = False

    def replace(found: re.Match[str]) -> str:
        nonlocal quoted
        if found[0] == '"':
            quoted = not quoted
        if found[1] is None or found[1] not in values:
            return found[0]
        value = values[found[1]]
        if value is _MISSING:
            return "" if quoted else '""'
        if not quoted:
            return json.dumps(value)
        text = value if isinstance(value, str) else json.dumps(value)
        return json.dumps(text)[1:-1]

    return _TOKEN.sub(replace, template)
