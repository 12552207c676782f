"""Creates, updates and deletes the stack of the service with CloudFormation, as serverless does in a clone.

serverless keeps the archives below serverless/sagebuild/STAGE/ in the stack's deployment bucket, in a folder for each
deployment. So do these functions, and a stack can be updated in either way.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError

from sagebuild.client.aws_errors import translating_errors
from sagebuild.client.resources_stacks import delete_resources_stack, list_resources_stacks
from sagebuild.client.stack_service import Clients
from sagebuild.deployment.archives import DeploymentBucket
from sagebuild.deployment.bucket_access import LISTS, find_problems_of
from sagebuild.deployment.checks import Deployment, find_problems
from sagebuild.deployment.environment_size import find_size_problem
from sagebuild.deployment.events import wait_until_done
from sagebuild.deployment.release import Release, name_parameter
from sagebuild.deployment.template import SERVICE, complete_creation, complete_template
from sagebuild.errors import AccessDeniedError, DeploymentError, InputError, StackNotFoundError
from sagebuild.names import DEFAULT_STACK
from sagebuild.partitions import find_partition

Report = Callable[[str], Any]
_BUCKET = "ServerlessDeploymentBucket"
_TEMPLATE = "compiled-cloudformation-template.json"
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
_READY = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")


@dataclass(frozen=True)
class Deployed:
    """The result of a deployment.

    Parameters
    ----------
    has_changed
        False if the stack already was as asked for.
    outputs
        The stack's outputs.
    """

    stack: str
    has_changed: bool
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]


class Deployer:
    """Deploys and deletes one stack.

    Parameters
    ----------
    create_client
        Returns the client of an AWS service by its name.
    stack
        The stack's name: sagebuild-STAGE.
    report
        Called with a line for each step and each event of the stack.

    Raises
    ------
    InputError
        The name is not one that the service can have.
    """

    def __init__(
        self,
        create_client: Callable[[str], Any],
        stack: str | None = None,
        report: Report = print,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = stack or DEFAULT_STACK
        prefix, _, self.stage = self.name.partition("-")
        if prefix != SERVICE or not self.stage:
            raise InputError(f"The stack's name is {self.name}; it must be sagebuild-STAGE, such as sagebuild-prod.")
        self._report = report
        self._sleep = sleep
        with translating_errors():
            self._cloudformation = create_client("cloudformation")
            self._s3 = create_client("s3")

    def deploy(self, release: Release, given: Mapping[str, str]) -> Deployed:
        """Create or update the stack.

        Parameters
        ----------
        given
            Deploy parameters; of the others, an existing stack keeps its values.

        Raises
        ------
        InputError
            A deploy parameter is invalid; nothing was changed.
        DeploymentError
            The stack cannot be updated now, or CloudFormation failed.
        """
        with translating_errors():
            found = self._find()
            parameters = self._check(release, found, given)
            if found is None:
                self._create(release)
            folder = self._bucket.upload_archives(release, self._folder, self._find_current_folder())
            template = complete_template(release, self.stage, parameters, folder)
            has_changed = self._update(template, folder)
            self._bucket.delete_old(self._folder, folder)
            outputs = (self._find() or {}).get("Outputs", [])
        return Deployed(self.name, has_changed, parameters, {one["OutputKey"]: one["OutputValue"] for one in outputs})

    def remove(self) -> None:
        """Delete the stack with everything that builds have created, and the stacks with projects' own resources.

        Raises
        ------
        StackNotFoundError
            There is no such stack.
        InputError
            CloudFormation could not delete a stack with the own resources of a project; nothing else was deleted.
        DeploymentError
            CloudFormation could not delete it.
        """
        with translating_errors():
            found = self._find()
            if found is None:
                raise StackNotFoundError(f"There is no stack {self.name} in {self._region}.")
            for name in self.list_resources_stacks():
                self._report(f"Delete the stack {name} with the own resources of a project")
                delete_resources_stack(self._cloudformation, name)
            if bucket := self._find_bucket():
                self._report(f"Empty the deployment bucket {bucket}")
                DeploymentBucket(self._s3, bucket, self._report).empty()
            began = datetime.now(UTC)
            self._cloudformation.delete_stack(StackName=self.name)
            self._wait(found["StackId"], began, "delete")

    def list_resources_stacks(self) -> list[str]:
        """Return the names of the stacks with projects' own resources, which `remove` deletes, too."""
        try:
            with translating_errors():
                return list_resources_stacks(self._cloudformation, self.name)
        except AccessDeniedError as error:
            self._report(
                f"Stacks with the own resources of projects, if there are any, stay: {error} They have the tag "
                f"sagebuild:stack={self.name}, and cost money until you delete them: aws cloudformation delete-stack "
                "--stack-name NAME"
            )
            return []

    @property
    def _region(self) -> str:
        return str(self._cloudformation.meta.region_name)

    @property
    def _folder(self) -> str:
        return f"serverless/{SERVICE}/{self.stage}/"

    def _find(self) -> dict[str, Any] | None:
        try:
            return self._cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]  # type: ignore[no-any-return]
        except ClientError as error:
            # ValidationError is CloudFormation's answer for a stack that does not exist.
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            return None

    def _check(self, release: Release, found: Mapping[str, Any] | None, given: Mapping[str, str]) -> dict[str, str]:
        """Return all deploy parameters; raise for invalid ones, and for a stack that cannot be updated."""
        if found and (status := found["StackStatus"]) not in _READY:
            advice = "delete it: sagebuild down"
            if status == "UPDATE_ROLLBACK_FAILED":
                # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-continueupdaterollback.html
                advice = (
                    "remove the cause in its events, and continue the rollback: aws cloudformation "
                    f"continue-update-rollback --stack-name {self.name}"
                )
            elif status.endswith("_IN_PROGRESS"):
                advice = "wait for its end"
            raise DeploymentError(f"The stack {self.name} is {status} and cannot be updated; {advice}.")
        defaults = release.defaults
        kept = {name: value for name, value in _read_current(found).items() if name in defaults}
        parameters = defaults | kept | dict(given)
        deployment = Deployment(self._region, self.name, parameters, frozenset(given))
        problems = [
            *find_problems(deployment, defaults, release.rules),
            *find_problems_of({name: parameters[name] for name in LISTS}),
        ]
        if not problems:  # the template can be completed only with right values
            template = complete_template(release, self.stage, parameters, self._folder)
            lists = {name: parameters[name] for name in LISTS}
            problems += filter(None, [find_size_problem(template, self._region, self.name, lists)])
        if problems:
            raise InputError("\n".join([*problems, "Nothing was deployed."]))
        return parameters

    def _create(self, release: Release) -> None:
        """Create the stack with the deployment bucket, which the archives need."""
        self._report(f"Create the stack {self.name} with its deployment bucket")
        body = json.dumps(complete_creation(release, self.stage))
        began = datetime.now(UTC)
        try:
            created = self._cloudformation.create_stack(TemplateBody=body, OnFailure="DELETE", **self._options)
        except self._cloudformation.exceptions.AlreadyExistsException:
            raise self._explain_parallel() from None
        self._wait(created["StackId"], began, "create")

    def _explain_parallel(self) -> DeploymentError:
        advice = "wait for its end, and run 'sagebuild up' again"
        return DeploymentError(f"Another deployment of the stack {self.name} has begun; {advice}.")

    @property
    def _options(self) -> dict[str, Any]:
        tags = {"STAGE": self.stage, "sagebuild:stack": self.name}
        return {
            "StackName": self.name,
            "Capabilities": _CAPABILITIES,
            "Parameters": [],  # the template's defaults are the values, as serverless deploys them
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }

    def _find_bucket(self) -> str | None:
        try:
            described = self._cloudformation.describe_stack_resource(StackName=self.name, LogicalResourceId=_BUCKET)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            return None
        return described["StackResourceDetail"].get("PhysicalResourceId")  # type: ignore[no-any-return]

    @property
    def _bucket(self) -> DeploymentBucket:
        bucket = self._find_bucket()
        if not bucket:
            raise DeploymentError(f"The stack {self.name} has no deployment bucket; delete it: sagebuild down.")
        return DeploymentBucket(self._s3, bucket, self._report)

    def _find_current_folder(self) -> str | None:
        body = self._cloudformation.get_template(StackName=self.name, TemplateStage="Original")["TemplateBody"]
        text = body if isinstance(body, str) else json.dumps(body)
        found = re.search(rf"({re.escape(self._folder)}[^/\"]+)/", text)
        return found[1] if found else None

    def _update(self, template: Mapping[str, Any], folder: str) -> bool:
        """Update the stack; return False if nothing differs."""
        bucket, key = self._bucket.name, f"{folder}/{_TEMPLATE}"
        # A template of more than 51,200 bytes must be in S3:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
        self._s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(template).encode(), ContentType="application/json")
        url = f"https://s3.{self._region}.{find_partition(self._region).domain}/{bucket}/{key}"
        began = datetime.now(UTC)
        try:
            updated = self._cloudformation.update_stack(TemplateURL=url, **self._options)
        except ClientError as error:
            # This answer has no code of its own: ValidationError stands for all invalid requests.
            if "No updates are to be performed" in error.response["Error"].get("Message", ""):
                return False
            if ((self._find() or {}).get("StackStatus", "")).endswith("_IN_PROGRESS"):
                raise self._explain_parallel() from None
            raise
        self._wait(updated["StackId"], began, "update")
        return True

    def _wait(self, stack_id: str, began: datetime, action: str) -> None:
        wait_until_done(self._cloudformation, stack_id, began, action, self._report, self._sleep)


def open_clients(region: str | None = None, profile: str | None = None) -> Clients:
    """Return what creates the clients of AWS's services.

    Parameters
    ----------
    region
        Default: AWS_REGION, or the region of the profile.
    profile
        Default: AWS_PROFILE.
    """
    region = region or os.environ.get("AWS_REGION") or None
    with translating_errors():
        return Clients(boto3.session.Session(region_name=region, profile_name=profile))


def _read_current(found: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the deploy parameters of a stack."""
    if found is None:
        return {}
    named = {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", [])}
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
    parameters = {name_parameter(name): value for name, value in named.items()}
    return parameters | ({"framework": outputs["Framework"]} if "Framework" in outputs else {})
