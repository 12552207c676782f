"""Reads the parts that CloudFormation's requests share: template, plan, stack and change set."""

from typing import Any
from urllib.parse import urlparse

from botocore.exceptions import ClientError
from moto.core.responses import BaseResponse

from local import clients, config
from local.cloudformation import deployment, planning, stacks, template
from local.cloudformation.errors import ChangeSetNotFoundError, InsufficientCapabilitiesError, ValidationError
from local.cloudformation.stacks import Plan, Stack

_UNSERVED = {"RollbackConfiguration", "ResourceTypes", "StackPolicyURL", "ResourcesToImport", "ImportExistingResources"}


class Request(BaseResponse):  # type: ignore[misc]
    """One request."""

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    def _checked_params(self) -> dict[str, Any]:
        given = {name: value for name, value in self._get_params().items() if value not in (None, [], {})}
        if unserved := sorted(_UNSERVED & set(given)):
            raise ValidationError(f"local/ does not serve the request parameters {unserved}")
        return given

    def _updatable(self, name: str) -> Stack:
        stack = stacks.find(self.region, name)
        if stack is None or stack.status == "DELETE_COMPLETE":
            raise ValidationError(f"Stack [{name}] does not exist")
        settled = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED", "CREATE_FAILED")
        if stack.status not in settled:
            raise ValidationError(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
        return stack

    def _take_settings(self, stack: Stack) -> None:
        given = self._get_params()
        stack.capabilities = given.get("Capabilities") or []
        stack.notification_arns = given.get("NotificationARNs") or []
        stack.take_caller(given.get("RoleARN"))

    def _plan(self, stack: Stack) -> Plan:
        given = self._get_params()
        former = stack.plan
        tags = {tag["Key"]: tag["Value"] for tag in given.get("Tags") or []} or (former.tags if former else {})
        plan = planning.make(stack, self._body(stack), given.get("Parameters") or [], tags)
        required = template.capabilities(plan.template)
        if required and not {*required, "CAPABILITY_NAMED_IAM"} & set(given.get("Capabilities") or []):
            raise InsufficientCapabilitiesError(f"Requires capabilities : [{', '.join(required)}]")
        return plan

    def _body(self, stack: Stack | None) -> str:
        given = self._get_params()
        if given.get("UsePreviousTemplate") and stack and stack.plan:
            return stack.plan.body
        if given.get("TemplateBody"):
            return str(given["TemplateBody"])
        if given.get("TemplateURL"):
            return _read(given["TemplateURL"], self.region)
        raise ValidationError("Either Template URL or Template Body must be specified.")

    def _change_set(self) -> tuple[Stack, dict[str, Any]]:
        name, stack_name = self._get_param("ChangeSetName"), self._get_param("StackName")
        for stack in stacks.of_region(self.region):
            for change_set in stack.change_sets.values():
                if change_set["ChangeSetId"] == name:
                    return stack, change_set
        if not stack_name:
            raise ChangeSetNotFoundError(f"ChangeSet [{name}] does not exist")
        found = stacks.get(self.region, stack_name)
        if name not in found.change_sets:
            raise ChangeSetNotFoundError(f"ChangeSet [{name}] does not exist")
        return found, found.change_sets[name]

    def _start_update(self, stack: Stack, plan: Plan, keep_failed: bool) -> None:
        stack.disable_rollback = keep_failed
        stack.set_status("UPDATE_IN_PROGRESS", "User Initiated")
        on_failure = "DO_NOTHING" if keep_failed else "ROLLBACK"
        deployment.start(stack, deployment.Deployment(stack, plan, on_failure).update)


def _read(url: str, region: str) -> str:
    """The template at an S3 URL of AWS or this engine, path style or virtual-hosted style."""
    address = urlparse(url)
    host, path = address.netloc, address.path.lstrip("/")
    if host == urlparse(config.current().endpoint_url).netloc or host.startswith(("s3.", "s3-")):
        bucket, _, key = path.partition("/")
    elif ".s3" in host:
        bucket, key = host.split(".s3")[0], path
    else:
        raise ValidationError("TemplateURL must reference a valid S3 object to which you have access.")
    try:
        body = clients.client("s3", region).get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        raise ValidationError(f"S3 error: {error.response['Error']['Message']}") from error
    return str(body.decode())
