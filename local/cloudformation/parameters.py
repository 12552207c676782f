"""Collects and validates the values of a template's parameters: given, previous or default."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from local.cloudformation.errors import ValidationError
from local.cloudformation.schemas import text

_SSM_VALUE = "AWS::SSM::Parameter::Value<"


def collect(declared: Mapping[str, Any], given: list[dict[str, Any]], former: Mapping[str, str]) -> dict[str, str]:
    """The text of each parameter of a CreateStack or UpdateStack request."""
    if unknown := sorted({p["ParameterKey"] for p in given} - set(declared)):
        raise ValidationError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    values = {name: text(rules["Default"]) for name, rules in declared.items() if "Default" in rules}
    for parameter in given:
        name = parameter["ParameterKey"]
        if not parameter.get("UsePreviousValue"):
            values[name] = parameter.get("ParameterValue", "")
        elif name in former:
            values[name] = former[name]
        else:
            raise ValidationError(f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true")
    if missing := [name for name in declared if name not in values]:
        raise ValidationError(f"Parameters: [{', '.join(missing)}] must have values")
    for name, value in values.items():
        _check(name, value, declared[name])
    return values


def _check(name: str, value: str, rules: Mapping[str, Any]) -> None:
    number = rules["Type"] in ("Number", "List<Number>")
    for item in value.split(",") if _is_list(rules["Type"]) else [value]:
        if number and not re.fullmatch(r"\s*-?\d+(\.\d+)?\s*", item):
            raise ValidationError(f"Parameter '{name}' must be a number")
        if "AllowedValues" in rules and item.strip() not in map(text, rules["AllowedValues"]):
            raise ValidationError(
                _describe_violation(name, rules, f"must be one of AllowedValues {rules['AllowedValues']}")
            )
        if "AllowedPattern" in rules and not re.fullmatch(rules["AllowedPattern"], item):
            raise ValidationError(_describe_violation(name, rules, f"must match pattern {rules['AllowedPattern']}"))
    measures = {"Length": len(value), "Value": float(value) if rules["Type"] == "Number" else 0}
    for measure, size in measures.items():
        if size < float(rules.get(f"Min{measure}", size)) or size > float(rules.get(f"Max{measure}", size)):
            raise ValidationError(_describe_violation(name, rules, f"is outside its Min{measure} and Max{measure}"))


def _describe_violation(name: str, rules: Mapping[str, Any], constraint: str) -> str:
    if "ConstraintDescription" in rules:
        return f"Parameter '{name}' failed to satisfy constraint: {rules['ConstraintDescription']}"
    return f"Parameter '{name}' {constraint}"


def resolve(
    declared: Mapping[str, Any], values: Mapping[str, str], read_parameter: Callable[[str], str]
) -> dict[str, Any]:
    """The ``Ref`` value of each parameter, with SSM types looked up and lists split."""
    resolved: dict[str, Any] = {}
    for name, value in values.items():
        kind = declared[name]["Type"]
        looked_up = read_parameter(value) if kind.startswith(_SSM_VALUE) else value
        resolved[name] = [item.strip() for item in looked_up.split(",")] if _is_list(kind) else looked_up
    return resolved


def _is_list(kind: str) -> bool:
    kind = kind.removeprefix(_SSM_VALUE)
    return kind.startswith(("List<", "CommaDelimitedList"))


def describe(declared: Mapping[str, Any], values: Mapping[str, str]) -> list[dict[str, str]]:
    """The parameters of DescribeStacks, with NoEcho values masked."""
    return [
        {"ParameterKey": name, "ParameterValue": "****" if declared[name].get("NoEcho") else value}
        for name, value in values.items()
    ]
