"""A named pipeline of the deployed stack, as a test uses it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from sagebuild.builds.lock import change_state, read_state
from sagebuild.builds.records import now, read_build
from sagebuild.errors import BuildNotFoundError
from sagebuild.names import name_endpoint, name_package_group, pipeline_tags
from sagebuild.parameters.store import write_document
from sagebuild.service import Service
from sagebuild.stack_outputs import name_setting
from tests.e2e.stack import NAME, PARAMETERS, DeployedStack, wait_until


class Pipeline:
    """A pipeline with the tests' data and script; it is created first."""

    def __init__(self, stack: DeployedStack, name: str) -> None:
        self.stack, self.name = stack, name
        settings = {name_setting(key): value for key, value in stack.outputs.items()}
        described = stack.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]
        settings |= {"STACK_NAME": NAME, "STACK_ID": described["StackId"], "AWS_REGION": "us-east-1"}
        self.service = Service(settings, stack.client).for_pipeline(name)
        self.endpoint = name_endpoint(self.service)
        state = read_state(self.service)
        assert change_state(self.service, state, replace(state, created_at=now().isoformat()))
        tags = [{"Key": key, "Value": value} for key, value in pipeline_tags(self.service).items()]
        stack.client("sagemaker").create_model_package_group(
            ModelPackageGroupName=name_package_group(self.service), Tags=tags
        )
        for bucket, key in ("DataBucket", "train/digits.csv"), ("CodeBucket", "source.tar.gz"):
            copied = {"Bucket": stack.outputs[bucket], "Key": key}
            stack.client("s3").copy_object(Bucket=copied["Bucket"], Key=f"{name}/{key}", CopySource=copied)
        self.set_parameters()

    def set_parameters(self, **changes: Any) -> None:
        """Make the pipeline's document the tests' own with these changes."""
        write_document(self.service, PARAMETERS | changes, overwrite=True)

    def describe_request(self, overrides: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The event that requests a build."""
        detail = {"trigger": "command", "detail": "a test", "overrides": overrides or {}}
        return {"Source": "sagebuild", "DetailType": f"{NAME}/{self.name}", "Detail": json.dumps(detail)}

    def start(self, **overrides: Any) -> int:
        """Start a build with these parameters for it alone when the lock is free, and return its number."""
        wait_until(lambda: read_state(self.service).running is None)
        number = read_state(self.service).last_number + 1
        self.stack.client("events").put_events(Entries=[self.describe_request(overrides)])
        wait_until(lambda: read_state(self.service).last_number == number)
        return number

    def record(self, number: int) -> dict[str, Any]:
        """A build's record; empty before there is one."""
        try:
            return asdict(read_build(self.service, number))
        except BuildNotFoundError:
            return {}

    def finish(self, number: int) -> dict[str, Any]:
        """Wait until a build's notification is sent, and return its record."""
        wait_until(lambda: self.record(number).get("notified_at"))
        return self.record(number)

    def build(self, **changes: Any) -> dict[str, Any]:
        """A whole build with these parameters; its record."""
        self.set_parameters(**changes)
        return self.finish(self.start())
