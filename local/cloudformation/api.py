"""The operations of CloudFormation's API that change stacks and change sets."""

import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlparse

from moto.core.responses import ActionResult, EmptyResult

from local.cloudformation import custom_resources, deletion, deployment, parameters, planning, stacks, template
from local.cloudformation.errors import (
    AlreadyExistsError,
    ChangeSetNotFoundError,
    InvalidChangeSetStatusError,
    ValidationError,
)
from local.cloudformation.read_operations import ReadOperations
from local.cloudformation.stacks import Plan, Stack

_NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


class CloudFormationResponse(ReadOperations):
    """Answers one request."""

    @classmethod
    def receive(cls, request: Any, full_url: str, _headers: Any) -> tuple[int, dict[str, str], str]:
        """Receive a custom resource's response, a PUT to its ResponseURL."""
        if request.headers.get("Content-Type"):
            return 403, {}, "SignatureDoesNotMatch: a ResponseURL is signed for an empty Content-Type; send it empty"
        token = urlparse(full_url).path.rpartition("/")[2]
        return (200 if custom_resources.receive(token, request.data) else 404), {}, ""

    # Creating, updating, deleting

    def create_stack(self) -> ActionResult:
        """Start the creation of a stack."""
        given = self._checked_params()
        name = given["StackName"]
        if stacks.find(self.region, name):
            raise AlreadyExistsError(f"Stack [{name}] already exists")
        stack = Stack(name, self.region)
        plan = self._plan(stack)
        self._take_settings(stack)
        stack.disable_rollback = bool(given.get("DisableRollback"))
        stack.protected = bool(given.get("EnableTerminationProtection"))
        stack.policy = given.get("StackPolicyBody")
        stacks.add(stack).set_status("CREATE_IN_PROGRESS", "User Initiated")
        on_failure = "DO_NOTHING" if stack.disable_rollback else given.get("OnFailure", "ROLLBACK")
        deployment.start(stack, deployment.Deployment(stack, plan, on_failure).create)
        return ActionResult({"StackId": stack.id})

    def update_stack(self) -> ActionResult:
        """Start the update of a stack."""
        given = self._checked_params()
        stack = self._updatable(given["StackName"])
        plan = self._plan(stack)
        if plan.same_as(stack.plan):
            raise ValidationError("No updates are to be performed.")
        self._take_settings(stack)
        stack.policy = given.get("StackPolicyBody", stack.policy)
        self._start_update(stack, plan, bool(given.get("DisableRollback")))
        return ActionResult({"StackId": stack.id})

    def delete_stack(self) -> ActionResult:
        """Start the deletion of a stack; succeed if it does not exist."""
        stack = stacks.find(self.region, self._get_param("StackName"))
        if stack is None or stack.status == "DELETE_COMPLETE":
            return EmptyResult()
        if stack.protected:
            raise ValidationError(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        keep = frozenset(self._get_param("RetainResources", []))
        if keep and stack.status != "DELETE_FAILED":
            raise ValidationError(
                f"Invalid operation on stack [{stack.id}]. "
                "RetainResources can only be specified when the stack is in the DELETE_FAILED state."
            )
        if stack.busy:
            raise ValidationError(f"Stack [{stack.id}] cannot be deleted while in status {stack.status}")
        stack.take_caller(self._get_param("RoleARN"))
        stack.set_status("DELETE_IN_PROGRESS", "User Initiated")
        deployment.start(stack, deletion.delete_all, stack, keep)
        return EmptyResult()

    def validate_template(self) -> ActionResult:
        """Validate a template."""
        parsed = template.parse(self._body(None))
        required = template.capabilities(parsed)
        return ActionResult(
            {
                "Description": parsed.get("Description"),
                "Parameters": [
                    {
                        "ParameterKey": name,
                        "DefaultValue": rules.get("Default"),
                        "NoEcho": bool(rules.get("NoEcho")),
                        "Description": rules.get("Description"),
                    }
                    for name, rules in parsed.get("Parameters", {}).items()
                ],
                "Capabilities": required,
                "CapabilitiesReason": "The template creates IAM resources." if required else None,
            }
        )

    # Change sets

    def create_change_set(self) -> ActionResult:
        """Compute the changes that a template would make."""
        given = self._checked_params()
        name, stack_name = given["ChangeSetName"], given["StackName"]
        if given.get("ChangeSetType", "UPDATE") == "CREATE":
            stack = stacks.find(self.region, stack_name) or Stack(stack_name, self.region)
            if stack.status not in ("", "REVIEW_IN_PROGRESS"):
                raise ValidationError(
                    f"Stack [{stack.id}] already exists and cannot be created again with the changeSet"
                )
        else:
            stack = self._updatable(stack_name)
        if name in stack.change_sets:
            raise AlreadyExistsError(f"ChangeSet {name} already exists for stack {stack_name}")
        plan = self._plan(stack)
        self._take_settings(stack)
        if not stack.status:
            stacks.add(stack).set_status("REVIEW_IN_PROGRESS", "User Initiated")
        stack.change_sets[name] = _make_change_set(stack, plan, name, given.get("Description"))
        return ActionResult({"Id": stack.change_sets[name]["ChangeSetId"], "StackId": stack.id})

    def describe_change_set(self) -> ActionResult:
        """Describe a change set."""
        return ActionResult({key: value for key, value in self._change_set()[1].items() if key != "plan"})

    def list_change_sets(self) -> ActionResult:
        """List a stack's change sets."""
        stack = stacks.get(self.region, self._get_param("StackName"))
        return ActionResult({"Summaries": list(stack.change_sets.values())})

    def delete_change_set(self) -> ActionResult:
        """Delete a change set; succeed if it does not exist."""
        try:
            stack, change_set = self._change_set()
        except ChangeSetNotFoundError:
            return EmptyResult()
        del stack.change_sets[change_set["ChangeSetName"]]
        return EmptyResult()

    def execute_change_set(self) -> ActionResult:
        """Start the creation or update in a change set."""
        stack, change_set = self._change_set()
        if change_set["ExecutionStatus"] != "AVAILABLE":
            raise InvalidChangeSetStatusError(
                f"ChangeSet [{change_set['ChangeSetId']}] cannot be executed in its current status of "
                f"[{change_set['Status']}]"
            )
        change_set["ExecutionStatus"] = "EXECUTE_COMPLETE"
        stack.take_caller(None)
        stack.change_sets = {change_set["ChangeSetName"]: change_set}
        keep = bool(self._get_param("DisableRollback"))
        if stack.status == "REVIEW_IN_PROGRESS":
            stack.set_status("CREATE_IN_PROGRESS", "User Initiated")
            on_failure = "DO_NOTHING" if keep else "ROLLBACK"
            deployment.start(stack, deployment.Deployment(stack, change_set["plan"], on_failure).create)
        else:
            self._start_update(self._updatable(stack.id), change_set["plan"], keep)
        return EmptyResult()

    # Settings

    def set_stack_policy(self) -> ActionResult:
        """Store a stack's policy; it is not enforced."""
        stacks.get(self.region, self._get_param("StackName")).policy = self._get_param("StackPolicyBody")
        return EmptyResult()

    def update_termination_protection(self) -> ActionResult:
        """Switch a stack's termination protection on or off."""
        stack = stacks.get(self.region, self._get_param("StackName"))
        stack.protected = bool(self._get_param("EnableTerminationProtection"))
        return ActionResult({"StackId": stack.id})


def _make_change_set(stack: Stack, plan: Plan, name: str, description: str | None) -> dict[str, Any]:
    unchanged = plan.same_as(stack.plan)
    place = stack.id.partition(":stack/")[0]
    return {
        "ChangeSetName": name,
        "ChangeSetId": f"{place}:changeSet/{name}/{uuid.uuid4()}",
        "StackId": stack.id,
        "StackName": stack.name,
        "Description": description,
        "CreationTime": datetime.now(UTC),
        "Status": "FAILED" if unchanged else "CREATE_COMPLETE",
        "StatusReason": _NO_CHANGES if unchanged else None,
        "ExecutionStatus": "UNAVAILABLE" if unchanged else "AVAILABLE",
        "Changes": planning.changes(stack, plan),
        "Parameters": parameters.describe(plan.template.get("Parameters", {}), plan.values),
        "Capabilities": stack.capabilities,
        "plan": plan,
    }
