"""What conversations begin with, what happens in between, and what they have led to: a pipeline on moto."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import Trigger, list_builds, now, read_build, update_build
from sagebuild.changes.apply import apply_change
from sagebuild.changes.plan import plan_change
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.launch.start import launch_build, pass_on_lock
from sagebuild.names import execution_arn, name_endpoint, name_resource
from sagebuild.parameters.store import read_document, read_with_version, write_document
from sagebuild.service import Service

OTHERS = Trigger("command", "another person")


class World:
    """A pipeline of a stack on moto, whose executions wait until they are stopped."""

    document: Mapping[str, Any] = {"framework": "SCIKIT", "trainentrypoint": "a.py", "trainsourcefile": "a.tar.gz"}

    def __init__(self, service: Service) -> None:
        self.service = service
        write_document(service, self.document, overwrite=True)
        self._versions = read_with_version(service)[1]

    def happen(self, what: str) -> None:
        """Make what a situation begins with, or what happens in between."""
        events: dict[str, Callable[[], Any]] = {
            "a build runs": self.launch,
            "a build is pending": self.launch,
            "a build waits for approval": self.let_a_build_wait,
            "two builds have succeeded": self.let_two_builds_succeed,
            "the build ends": lambda: self.end("FAILED"),
            "the stop arrives": lambda: self.end("ABORTED"),
            "the build succeeds": self.succeed,
            "the build's success is recorded": self.record_success,
            "the document changes": self.change_document,
            "another model goes live": lambda: self.make_live(f"{name_endpoint(self.service)}-their-own"),
            "another person starts a build": lambda: self.change("start"),
            "another person rejects": lambda: self.change("reject"),
        }
        events[what]()

    def read(self, what: str) -> Any:
        """Read one of the effects that a situation expects."""
        state, record = read_state(self.service), self._find_newest()
        effects: dict[str, Callable[[], Any]] = {
            "newest": lambda: state.last_number,
            "running": lambda: state.running,
            "pending": lambda: state.pending.count if state.pending else 0,
            "executions": self.count_executions,
            "stopped": lambda: [one.number for one in list_builds(self.service) if one.stop_requested_by],
            "outcome": lambda: read_build(self.service, 1).status,
            "approval": lambda: record and record.approval,
            "overrides": lambda: json.loads(record.overrides) if record else None,
            "restores": lambda: record and record.trigger.rollback,
            "document": lambda: json.loads(read_document(self.service)),
            "versions": lambda: read_with_version(self.service)[1] - self._versions + 1,
        }
        return effects[what]()

    def _find_newest(self) -> Any:
        return next(iter(list_builds(self.service)), None)

    def launch(self) -> None:
        """Launch a build of another person; the second one is pending."""
        launch_build(self.service, OTHERS)

    def let_a_build_wait(self) -> None:
        """Let a build wait for approval."""
        number = launch_build(self.service, OTHERS).number
        text = json.dumps({**self.document, "approval": "manual"})
        asked: dict[str, Any] = {"approval_until": "2030-01-01T00:00:00+00:00", "approval_token": "token"}
        update_build(self.service, number, status="running", parameters=text, metrics={"f1": 0.97}, **asked)

    def let_two_builds_succeed(self) -> None:
        """Let two builds succeed; the second one is live."""
        for number in (1, 2):
            launch_build(self.service, OTHERS)
            name = name_resource(self.service, number)
            self.make_live(name)
            made = {
                "model": name,
                "endpoint_config": name,
                "live_after": name,
                "artifacts": f"s3://model/{number}.tar.gz",
            }
            self._record_end(number, keep_builds=10, parameters=json.dumps(dict(self.document)), **made)

    def make_live(self, config: str) -> None:
        """Let the endpoint serve this configuration."""
        self.create_model(config)
        variant: Any = {"VariantName": "live", "ModelName": config, "InstanceType": "ml.t2.medium"}
        variant["InitialInstanceCount"] = 1
        self.service.sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant])
        self.deploy(name_endpoint(self.service), config)

    def deploy(self, endpoint: str, config: str) -> None:
        """Create the endpoint with this configuration, in place of what is there."""
        sagemaker = self.service.sagemaker
        if sagemaker.list_endpoints(NameContains=endpoint)["Endpoints"]:
            sagemaker.delete_endpoint(EndpointName=endpoint)
        sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)

    def create_model(self, name: str) -> None:
        """Create a model that an endpoint serves."""
        role = self.service.settings.hosting_role_arn
        self.service.sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": "i"}, ExecutionRoleArn=role)

    def end(self, status: str) -> None:
        """End the running build; its end is handled as the event of its execution is."""
        number = read_state(self.service).running
        assert number
        finish_build(self.service, number, Ending(status), sleep=lambda _: None)

    def succeed(self) -> None:
        """Let the running build succeed."""
        number = read_state(self.service).running
        assert number
        self._record_end(number)

    def _record_end(self, number: int, **more: Any) -> None:
        update_build(self.service, number, status="succeeded", ended_at=now().isoformat(), **more)
        pass_on_lock(self.service, number)

    def record_success(self) -> None:
        """Let the running build succeed, and its pipeline not know that yet."""
        update_build(self.service, 1, status="succeeded", ended_at=now().isoformat())

    def change_document(self) -> None:
        """Let another person change the document, in a way that changes the cost."""
        write_document(self.service, {**self.document, "traininstancetype": "ml.c5.xlarge"}, overwrite=True)

    def change(self, action: Any) -> None:
        """Let another person plan and make a change."""
        apply_change(self.service, plan_change(self.service, action).token, by="command")

    def count_executions(self) -> int:
        """Count the executions that this pipeline has started."""
        found = self.service.stepfunctions.list_executions(stateMachineArn=self.service.settings.state_machine_arn)
        prefix = execution_arn(self.service, 1).removesuffix("1")
        return sum(execution["executionArn"].startswith(prefix) for execution in found["executions"])
