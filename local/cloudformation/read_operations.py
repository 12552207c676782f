"""The operations of CloudFormation's API that only read."""

from typing import Any

from moto.core.responses import ActionResult

from local.cloudformation import parameters, stacks
from local.cloudformation.errors import ValidationError
from local.cloudformation.requests import Request
from local.cloudformation.stacks import Resource, Stack

_EVENTS_PER_PAGE = 100


class ReadOperations(Request):
    """Describe, Get and List operations."""

    def describe_stacks(self) -> ActionResult:
        """Describe one stack, or all existing ones."""
        name = self._get_param("StackName")
        if name:
            return ActionResult({"Stacks": [_describe(stacks.get(self.region, name))]})
        existing = [stack for stack in stacks.of_region(self.region) if stack.status != "DELETE_COMPLETE"]
        return ActionResult({"Stacks": [_describe(stack) for stack in existing]})

    def list_stacks(self) -> ActionResult:
        """List all stacks, including deleted ones."""
        wanted = self._get_param("StackStatusFilter", [])
        found = [stack for stack in stacks.of_region(self.region) if not wanted or stack.status in wanted]
        return ActionResult({"StackSummaries": [stack.summary() for stack in found]})

    def describe_stack_events(self) -> ActionResult:
        """Describe a stack's events, newest first."""
        events = stacks.get(self.region, self._get_param("StackName")).events[::-1]
        token = self._get_param("NextToken")
        start = 0 if token is None else len(events) - int(token)
        page = events[start : start + _EVENTS_PER_PAGE]
        left = len(events) - start - len(page)
        return ActionResult({"StackEvents": page, "NextToken": str(left) if left else None})

    def describe_stack_resource(self) -> ActionResult:
        """Describe one resource."""
        stack, found = self._resources(self._get_param("LogicalResourceId"))
        return ActionResult({"StackResourceDetail": stack.describe_resource(found[0])})

    def describe_stack_resources(self) -> ActionResult:
        """Describe a stack's resources, or one of them."""
        physical_id = self._get_param("PhysicalResourceId")
        if physical_id and not self._get_param("StackName"):
            owners = [
                s for s in stacks.of_region(self.region) for r in s.resources.values() if r.physical_id == physical_id
            ]
            if not owners:
                raise ValidationError(f"Stack for {physical_id} does not exist")
            return ActionResult(
                {"StackResources": list(map(owners[0].describe_resource, owners[0].resources.values()))}
            )
        stack, found = self._resources(self._get_param("LogicalResourceId"))
        return ActionResult({"StackResources": [stack.describe_resource(resource) for resource in found]})

    def list_stack_resources(self) -> ActionResult:
        """List a stack's resources."""
        stack, found = self._resources(None)
        return ActionResult({"StackResourceSummaries": [stack.describe_resource(resource) for resource in found]})

    def get_template(self) -> ActionResult:
        """Get a stack's template."""
        stack = stacks.get(self.region, self._get_param("StackName"))
        if stack.plan is None:
            raise ValidationError(f"Stack with id {stack.name} has no template yet")
        return ActionResult({"TemplateBody": stack.plan.body, "StagesAvailable": ["Original", "Processed"]})

    def list_exports(self) -> ActionResult:
        """List the exports of all stacks."""
        found = stacks.exports(self.region)
        return ActionResult(
            {"Exports": [{"ExportingStackId": stack.id, "Name": name, "Value": value} for name, value, stack in found]}
        )

    def list_imports(self) -> ActionResult:
        """List the stacks that import an export."""
        name = self._get_param("ExportName")
        users = stacks.importers(self.region, name)
        if not users:
            raise ValidationError(f"Export '{name}' is not imported by any stack.")
        return ActionResult({"Imports": users})

    def get_stack_policy(self) -> ActionResult:
        """Get a stack's policy."""
        return ActionResult({"StackPolicyBody": stacks.get(self.region, self._get_param("StackName")).policy})

    def _resources(self, logical_id: str | None) -> tuple[Stack, list[Resource]]:
        stack = stacks.get(self.region, self._get_param("StackName"))
        if logical_id is None:
            return stack, list(stack.resources.values())
        if logical_id not in stack.resources:
            raise ValidationError(f"Resource {logical_id} does not exist for stack {stack.name}")
        return stack, [stack.resources[logical_id]]


def _describe(stack: Stack) -> dict[str, Any]:
    plan = stack.plan
    return {
        **stack.summary(),
        "Description": plan.template.get("Description") if plan else None,
        "Parameters": parameters.describe(plan.template.get("Parameters", {}), plan.values) if plan else [],
        "Outputs": stack.outputs,
        "Tags": [{"Key": key, "Value": value} for key, value in plan.tags.items()] if plan else [],
        "Capabilities": stack.capabilities,
        "NotificationARNs": stack.notification_arns,
        "RoleARN": stack.role_arn,
        "DisableRollback": stack.disable_rollback,
        "EnableTerminationProtection": stack.protected,
    }
