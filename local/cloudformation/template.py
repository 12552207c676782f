"""Parses templates and refuses invalid ones: unknown types, unresolved references, cycles."""

import json
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

import yaml

from local.cloudformation import providers, schemas
from local.cloudformation.errors import ValidationError
from local.cloudformation.intrinsics import function_of, parse_sub

Template = dict[str, Any]
_SECTIONS = (
    *("AWSTemplateFormatVersion", "Description", "Metadata", "Parameters"),
    *("Mappings", "Conditions", "Resources", "Outputs"),
)
_RESOURCE_KEYS = ["Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"]
_DELETION_POLICIES = ("Delete", "Retain", "RetainExceptOnCreate")
PSEUDO_PARAMETERS = {
    f"AWS::{name}"
    for name in ("AccountId", "NoValue", "NotificationARNs", "Partition", "Region", "StackId", "StackName", "URLSuffix")
}


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms; dates such as ``Version: 2012-10-17`` stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:timestamp"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def parse(body: str) -> Template:
    """Parse and validate a template.

    Raises
    ------
    ValidationError
        With CloudFormation's message.
    """
    try:
        template = json.loads(body) if body.lstrip().startswith("{") else yaml.load(body, _Loader)  # a SafeLoader  # nosec B506
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise ValidationError(f"Template format error: {error}") from error
    if not isinstance(template, dict):
        raise ValidationError("Template format error: unsupported structure.")
    if unknown := sorted(set(template) - set(_SECTIONS)):
        raise ValidationError(f"Invalid template property or properties [{', '.join(unknown)}]")
    if not isinstance(template.get("Resources"), dict) or not template["Resources"]:
        raise ValidationError("Template format error: At least one Resources member must be defined.")
    _check_resources(template["Resources"])
    for name, output in template.get("Outputs", {}).items():
        if not isinstance(output, dict) or "Value" not in output:
            raise ValidationError(f"Template format error: Output {name} is malformed.")
    _check_references(template)
    check_cycles({name: dependencies(template, definition) for name, definition in template["Resources"].items()})
    return template


def _check_resources(resources: dict[str, Any]) -> None:
    for name, definition in resources.items():
        if not isinstance(definition, dict) or not isinstance(definition.get("Type"), str):
            raise ValidationError(
                f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
            )
        definition["Properties"] = definition.get("Properties") or {}
        if unknown := sorted(set(definition) - set(_RESOURCE_KEYS)):
            raise ValidationError(f"Invalid template resource property '{unknown[0]}' of {name}")
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if definition.get(policy, "Delete") not in _DELETION_POLICIES:
                raise ValidationError(f"local/ does not serve {policy} {definition[policy]} (resource {name})")
    types = sorted({definition["Type"] for definition in resources.values()})
    if unknown := [kind for kind in types if not kind.startswith("Custom::") and not schemas.exists(kind)]:
        raise ValidationError(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")
    check_served({name: each for name, each in resources.items() if "Condition" not in each})


def check_served(resources: Mapping[str, Any]) -> None:
    """Refuse resources that AWS supports and this engine does not; of those with a condition, only the created ones."""
    types = sorted({definition["Type"] for definition in resources.values()})
    if unknown := [kind for kind in types if not providers.exists(kind)]:
        raise ValidationError(f"local/ does not serve the resource types [{', '.join(unknown)}]")
    for name, definition in resources.items():
        providers.check_properties(name, definition["Type"], definition["Properties"])


def _check_references(template: Template) -> None:
    known = set(template["Resources"]) | set(template.get("Parameters", {})) | PSEUDO_PARAMETERS
    for section in ("Resources", "Outputs"):
        used = {name for name, _ in references(template.get(section, {}))}
        depended = {n for d in template.get(section, {}).values() for n in _listed(d.get("DependsOn", []))}
        if missing := sorted((used | depended) - known):
            raise ValidationError(
                "Template format error: Unresolved resource dependencies "
                f"[{', '.join(missing)}] in the {section} block of the template"
            )
        for name, attribute in references(template.get(section, {})):
            kind = template["Resources"].get(name, {}).get("Type")
            if not attribute or not kind or providers.is_custom(kind):
                continue
            if attribute.split(".")[0] not in schemas.properties(kind):
                raise ValidationError(
                    f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt"
                )


def check_cycles(needs: dict[str, set[str]]) -> None:
    """Refuse resources that depend on each other."""
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        raise ValidationError(
            f"Circular dependency between resources: [{', '.join(sorted(set(error.args[1])))}]"
        ) from error


def dependencies(template: Template, definition: Any) -> set[str]:
    """The logical ids of the resources that a resource depends on."""
    used = {name for name, _ in references(definition["Properties"])}
    return {name for name in used | set(_listed(definition.get("DependsOn", []))) if name in template["Resources"]}


def references(node: Any) -> Iterator[tuple[str, str | None]]:
    """Every name that a node refers to, with the attribute for ``Fn::GetAtt``."""
    name = function_of(node)
    if name == "Ref":
        yield str(node["Ref"]), None
    elif name == "Fn::GetAtt":
        resource, _, attribute = ".".join(map(str, _listed(node[name]))).partition(".")
        yield resource, attribute
    elif name == "Fn::Sub":
        yield from references(parse_sub(node[name])["Fn::Join"][1])
    elif isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            yield from references(child)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def capabilities(template: Template) -> list[str]:
    """The capabilities that a template needs: none, CAPABILITY_IAM or CAPABILITY_NAMED_IAM."""
    iam = [d for d in template["Resources"].values() if d["Type"].startswith("AWS::IAM::")]
    if any({"RoleName", "ManagedPolicyName"} & set(d.get("Properties", {})) for d in iam):
        return ["CAPABILITY_NAMED_IAM"]
    return ["CAPABILITY_IAM"] if iam else []
