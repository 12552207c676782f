"""Evaluates intrinsic functions; a call that needs a missing resource stays unevaluated."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from local.cloudformation.errors import ValidationError
from local.cloudformation.schemas import text

Attributes = Mapping[str, Any]
_NO_VALUE = object()
_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]*)\}")
_REFERENCE = re.compile(r"\{\{resolve:([a-z-]+):([^}]*)\}\}")


def function_of(node: Any) -> str | None:
    """The name of the intrinsic function that a node calls, or None."""
    if isinstance(node, dict) and len(node) == 1:
        name = next(iter(node))
        if name == "Ref" or (isinstance(name, str) and name.startswith("Fn::")):
            return str(name)
    return None


def is_pending(node: Any) -> bool:
    """True when a node has a call that waits for a resource, else False."""
    if isinstance(node, list):
        return any(map(is_pending, node))
    return isinstance(node, dict) and (function_of(node) is not None or any(map(is_pending, node.values())))


def parse_sub(arguments: Any) -> dict[str, Any]:
    """The ``Fn::Join`` that is equivalent to an ``Fn::Sub``."""
    pattern, variables = (arguments, {}) if isinstance(arguments, str) else arguments
    parts: list[Any] = []
    end = 0
    for found in _PLACEHOLDER.finditer(pattern):
        parts.append(pattern[end : found.start()])
        end = found.end()
        literal, name = found.groups()
        if literal:
            parts.append("${" + name + "}")
        elif name in variables:
            parts.append(variables[name])
        else:
            parts.append({"Fn::GetAtt": name.split(".", 1)} if "." in name else {"Ref": name})
    return {"Fn::Join": ["", [part for part in [*parts, pattern[end:]] if part != ""]]}


@dataclass
class Evaluator:
    """Evaluates the nodes of one template for one stack.

    Parameters
    ----------
    template
        The parsed template.
    names
        The values of the parameters and pseudo parameters.
    import_value, read_parameter
        Look up an export of another stack, and an SSM parameter.
    resources
        The attributes of the existing resources, including ``Ref``; it may grow.
    """

    template: dict[str, Any]
    names: Mapping[str, Any]
    import_value: Callable[[str], Any]
    read_parameter: Callable[[str], str]
    resources: Mapping[str, Attributes] = field(default_factory=dict)

    def evaluate(self, node: Any) -> Any:
        """The value of a node, without members whose value is ``AWS::NoValue``."""
        value = self._evaluate(node)
        return None if value is _NO_VALUE else value

    def condition(self, name: str) -> bool:
        """The value of a named condition."""
        if name not in self.template.get("Conditions", {}):
            raise ValidationError(f"Template error: unresolved condition dependency {name} in the Conditions block")
        return bool(self._evaluate(self.template["Conditions"][name]))

    def _evaluate(self, node: Any) -> Any:
        if isinstance(node, str):
            return _REFERENCE.sub(self._resolve_reference, node)
        if isinstance(node, list):
            return [value for value in map(self._evaluate, node) if value is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        name = function_of(node) or ("Condition" if set(node) == {"Condition"} else None)
        if name == "Condition" and isinstance(node["Condition"], str):
            return self.condition(node["Condition"])
        if name is None or name == "Condition":
            values = {key: self._evaluate(value) for key, value in node.items()}
            return {key: value for key, value in values.items() if value is not _NO_VALUE}
        return self._call(name, node[name])

    def _call(self, name: str, arguments: Any) -> Any:
        if name == "Fn::Sub":
            name, arguments = next(iter(parse_sub(arguments).items()))
        if name == "Fn::If":
            return self._evaluate(arguments[1 if self.condition(arguments[0]) else 2])
        if name not in self._functions:
            raise ValidationError(f"Template format error: Unrecognized intrinsic function {name}")
        if name == "Fn::GetAtt" and isinstance(arguments, str):
            arguments = arguments.split(".", 1)
        values = self._evaluate(arguments)
        if is_pending(values):
            return {name: values}
        try:
            return self._functions[name](values)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise ValidationError(f"Template error: {name} cannot be applied to {values!r}: {error}") from error

    @cached_property
    def _functions(self) -> dict[str, Callable[[Any], Any]]:
        return {
            "Ref": self._ref,
            "Fn::GetAtt": lambda v: self._get_att(v[0], ".".join(map(str, v[1:]))),
            "Fn::Join": lambda v: v[0].join(map(text, v[1])),
            "Fn::Select": lambda v: v[1][int(v[0])],
            "Fn::Split": lambda v: v[1].split(v[0]),
            "Fn::FindInMap": self._find_in_map,
            "Fn::Base64": lambda v: base64.b64encode(v.encode()).decode(),
            "Fn::ImportValue": self.import_value,
            "Fn::Equals": lambda v: text(v[0]) == text(v[1]),
            "Fn::And": all,
            "Fn::Or": any,
            "Fn::Not": lambda v: not v[0],
            "Fn::Length": len,
            "Fn::ToJsonString": _to_json,
        }

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self.names:
            return self.names[name]
        return self.resources[name]["Ref"] if name in self.resources else {"Ref": name}

    def _get_att(self, resource: str, attribute: str) -> Any:
        if resource not in self.resources:
            return {"Fn::GetAtt": [resource, attribute]}
        found = self.resources[resource].get(attribute, _NO_VALUE)
        if found is _NO_VALUE:
            raise ValidationError(
                f"Template error: resource {resource} does not support attribute type {attribute} in Fn::GetAtt"
            )
        return found

    def _find_in_map(self, path: list[Any]) -> Any:
        table, *keys = path
        default = keys.pop()["DefaultValue"] if isinstance(keys[-1], dict) else _NO_VALUE
        found: Any = self.template.get("Mappings", {}).get(table, {})
        for key in keys:
            found = found.get(text(key), _NO_VALUE) if isinstance(found, dict) else _NO_VALUE
        if found is _NO_VALUE and default is _NO_VALUE:
            raise ValidationError(f"Template error: Unable to get mapping for {'::'.join(map(text, path))}")
        return default if found is _NO_VALUE else found

    def _resolve_reference(self, found: "re.Match[str]") -> str:
        service, name = found.groups()
        if service == "secretsmanager":  # local.cloudformation.secrets resolves it, for the resource alone
            return found[0]
        if service != "ssm":
            raise ValidationError(f"local/ does not serve dynamic references to {service}")
        return self.read_parameter(name)


def _to_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
