"""Makes a plan from a template and parameters, and lists its changes."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from local import accounts, clients, partitions
from local.cloudformation import parameters, providers, stacks, template
from local.cloudformation.errors import ValidationError
from local.cloudformation.intrinsics import Attributes, Evaluator
from local.cloudformation.stacks import Plan, Stack


def make(stack: Stack, body: str, given: list[dict[str, Any]], tags: Mapping[str, str]) -> Plan:
    """The plan for a stack.

    Parameters
    ----------
    body
        The template's text.
    given
        The parameters of the request.
    tags
        The stack's tags.

    Raises
    ------
    ValidationError
        When the template or a parameter is invalid.
    """
    parsed = template.parse(body)
    declared = parsed.get("Parameters", {})
    values = parameters.collect(declared, given, stack.plan.values if stack.plan else {})
    names = _pseudo_parameters(stack) | parameters.resolve(declared, values, _parameter_reader(stack))
    plan = Plan(body, parsed, values, names, {}, {}, tags)
    kept = {section: _evaluate_section(stack, plan, section) for section in ("Resources", "Outputs")}
    template.check_served(kept["Resources"])
    _check_absent(parsed, kept)
    return replace(plan, resources=kept["Resources"], outputs=kept["Outputs"])


def _evaluate_section(stack: Stack, plan: Plan, section: str) -> dict[str, Any]:
    evaluator = make_evaluator(stack, plan, {})
    return {
        name: evaluator.evaluate({key: value for key, value in definition.items() if key != "Condition"})
        for name, definition in plan.template.get(section, {}).items()
        if "Condition" not in definition or evaluator.condition(definition["Condition"])
    }


def make_evaluator(stack: Stack, plan: Plan, resources: Mapping[str, Attributes]) -> Evaluator:
    """The evaluator of the plan's nodes with the existing resources."""

    def import_value(name: str) -> str:
        for export, value, _ in stacks.exports(stack.region):
            if export == name:
                plan.imports.add(name)
                return value
        raise ValidationError(f"No export named {name} found.")

    return Evaluator(plan.template, plan.names, import_value, _parameter_reader(stack), resources)


def changes(stack: Stack, plan: Plan) -> list[dict[str, Any]]:
    """The Changes of DescribeChangeSet."""
    former = stack.plan.resources if stack.plan else {}
    listed = []
    for name in [*plan.resources, *(name for name in former if name not in plan.resources)]:
        before, after = former.get(name), plan.resources.get(name)
        if before == after:
            continue
        change = {"LogicalResourceId": name, "ResourceType": (after or before or {})["Type"]}
        if before is None or after is None:
            change["Action"] = "Add" if after else "Remove"
        else:
            replace = providers.must_replace(after["Type"], before["Properties"], after["Properties"])
            change |= {"Action": "Modify", "Replacement": "True" if replace else "False"}
        if name in stack.resources:
            change["PhysicalResourceId"] = stack.resources[name].physical_id
        listed.append({"Type": "Resource", "ResourceChange": change})
    return listed


def _check_absent(parsed: dict[str, Any], kept: dict[str, dict[str, Any]]) -> None:
    for section, definitions in kept.items():
        used = {name for name, _ in template.references(definitions)}
        absent = sorted(used & (set(parsed["Resources"]) - set(kept["Resources"])))
        if absent:
            raise ValidationError(
                "Template format error: Unresolved resource dependencies "
                f"[{', '.join(absent)}] in the {section} block of the template"
            )


def _pseudo_parameters(stack: Stack) -> dict[str, Any]:
    return {
        "AWS::AccountId": accounts.of_arn(stack.id),
        "AWS::NotificationARNs": stack.notification_arns,
        "AWS::Partition": partitions.of(stack.region),
        "AWS::Region": stack.region,
        "AWS::StackId": stack.id,
        "AWS::StackName": stack.name,
        "AWS::URLSuffix": partitions.domain(stack.region),
    }


def _parameter_reader(stack: Stack) -> Callable[[str], str]:
    def read(name: str) -> str:
        ssm = clients.client("ssm", stack.region)
        found = ssm.get_parameters(Names=[name])["Parameters"]
        if not found:
            raise ValidationError(f"Unable to fetch parameters [{name}] from parameter store for this account.")
        return str(found[0]["Value"])

    return read
