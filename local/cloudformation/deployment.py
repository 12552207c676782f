"""Creates and updates a stack's resources in the background, and rolls back on failure."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from local.cloudformation import deletion, planning, providers, resources, secrets, stacks, template
from local.cloudformation.errors import ResourceError, ValidationError, reason
from local.cloudformation.ordering import run_in_order
from local.cloudformation.schemas import text
from local.cloudformation.stacks import Plan, Resource, Stack


@dataclass
class Step:
    """One started change of a resource, for the rollback."""

    now: Resource
    former: Resource | None = None
    in_place: bool = False


@dataclass
class Deployment:
    """The deployment of one plan to a stack.

    Parameters
    ----------
    on_failure
        ROLLBACK, DELETE (creations only) or DO_NOTHING.
    """

    stack: Stack
    plan: Plan
    on_failure: str = "ROLLBACK"
    steps: list[Step] = field(default_factory=list)
    replaced: list[Resource] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def create(self) -> None:
        """Create the stack."""
        self.stack.plan = self.plan
        failure = self._apply()
        if not failure:
            self.stack.set_status("CREATE_COMPLETE")
        elif self.on_failure == "DO_NOTHING":
            self.stack.set_status("CREATE_FAILED", failure)
        elif self.on_failure == "DELETE":
            self.stack.set_status("DELETE_IN_PROGRESS", f"{failure}Delete requested by user.")
            deletion.delete_all(self.stack, keep=frozenset())
        else:
            self.stack.set_status("ROLLBACK_IN_PROGRESS", f"{failure}Rollback requested by user.")
            failed = deletion.delete_resources(self.stack, deletion.exclude_retained(self.stack.resources.values()))
            self.stack.set_status(
                "ROLLBACK_FAILED" if failed else "ROLLBACK_COMPLETE", deletion.describe_failed("delete", failed)
            )

    def update(self) -> None:
        """Update the stack from its former plan to this one."""
        former, former_outputs = self.stack.plan, self.stack.outputs
        self.stack.plan, self.stack.updated = self.plan, datetime.now(UTC)
        failure = self._apply()
        if failure and self.on_failure == "DO_NOTHING":
            self.stack.set_status("UPDATE_FAILED", failure)
        elif failure:
            self.stack.plan, self.stack.outputs = former, former_outputs
            self._roll_back(failure)
        else:
            self.stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
            removed = [r for name, r in self.stack.resources.items() if name not in self.plan.resources]
            for resource in removed:
                del self.stack.resources[resource.logical_id]
            deletion.delete_resources(self.stack, [*self.replaced, *deletion.skip_retained(self.stack, removed)])
            self.stack.set_status("UPDATE_COMPLETE")

    def _apply(self) -> str:
        """Create or update every resource and output of the plan; return CloudFormation's failure reason, or ""."""
        needs = {name: template.dependencies(self.plan.template, d) for name, d in self.plan.resources.items()}
        failed = run_in_order(
            needs, lambda name: self._create_or_change(name, needs[name]), on_failure=self.cancelled.set
        )
        if failed:
            new = [name for name in failed if self.stack.resources[name].status == "CREATE_FAILED"]
            updated = [name for name in failed if name not in new]
            return deletion.describe_failed("create", new) + deletion.describe_failed("update", updated)
        try:
            self.stack.outputs = self._evaluate_outputs()
        except ValidationError as error:
            return f"{reason(error)} "
        return ""

    def _create_or_change(self, name: str, needs: set[str]) -> None:
        definition = self.plan.resources[name]
        deletion = definition.get("DeletionPolicy", "Delete")
        replacement = definition.get("UpdateReplacePolicy", "Delete")
        now = Resource(name, definition["Type"], needs, deletion, replacement)
        former = self.stack.resources.get(name)
        if former is not None:
            self._change(former, now)
        else:
            self.stack.resources[name] = now
            self.steps.append(Step(now))
            with resources.RecordedOperation(self.stack, now, "CREATE"):
                now.given = self._evaluate_properties(now)
                resources.create(self.stack, now, self.cancelled)
        self.attributes[name] = now.attributes

    def _evaluate_properties(self, resource: Resource) -> dict[str, Any]:
        evaluator = planning.make_evaluator(self.stack, self.plan, self.attributes)
        properties = evaluator.evaluate(self.plan.resources[resource.logical_id]["Properties"])
        resolve = partial(secrets.resolve, self.stack)
        return providers.prepare(resource.type, resource.logical_id, properties, self.plan.tags, resolve)

    def _change(self, former: Resource, now: Resource) -> None:
        now.physical_id, now.attributes, now.properties = former.physical_id, former.attributes, former.properties
        now.status, now.updated = former.status, former.updated
        try:
            if now.type != former.type:
                raise ResourceError(f"Update of resource type is not permitted. The resource is {now.logical_id}")
            now.given = self._evaluate_properties(now)
            replacing = now.given != former.given and resources.must_replace(former, now)
        except Exception as error:
            self.stack.set_resource_status(former, "UPDATE_FAILED", reason(error))
            raise
        self.steps.append(Step(now, former, in_place=not replacing))
        self.stack.resources[now.logical_id] = now
        if now.given == former.given:
            return
        with resources.RecordedOperation(self.stack, now, "UPDATE", resources.REPLACING if replacing else None):
            if replacing:
                now.physical_id = ""
                resources.create(self.stack, now, self.cancelled)
            else:
                resources.update(self.stack, former, now, self.cancelled)
        if now.physical_id != former.physical_id and former.replace_policy == "Delete":
            self.replaced.append(former)

    def _roll_back(self, failure: str) -> None:
        self.stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS", failure)
        unwanted, failed = [], []
        for step in reversed(self.steps):
            now, former = step.now, step.former
            if former is None:
                del self.stack.resources[now.logical_id]
                unwanted.append(now)
                continue
            self.stack.resources[now.logical_id] = former
            if not step.in_place:
                unwanted.append(now)
            elif now.given != former.given:
                try:
                    self._restore(former, now)
                except Exception:  # reported in the resource's event; restore the other resources regardless
                    failed.append(now.logical_id)
                if former.physical_id != now.physical_id:
                    unwanted.append(now)
        if failed:
            self.stack.set_status("UPDATE_ROLLBACK_FAILED", deletion.describe_failed("update", failed))
            return
        self.stack.set_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        deletion.delete_resources(self.stack, deletion.exclude_retained(unwanted))
        self.stack.set_status("UPDATE_ROLLBACK_COMPLETE")

    def _restore(self, former: Resource, now: Resource) -> None:
        with resources.RecordedOperation(self.stack, former, "UPDATE"):
            resources.update(self.stack, now, former, threading.Event())

    def _evaluate_outputs(self) -> list[dict[str, str]]:
        evaluator = planning.make_evaluator(self.stack, self.plan, self.attributes)
        outputs = []
        for name, definition in self.plan.outputs.items():
            output = evaluator.evaluate(definition)
            described = {"OutputKey": name, "OutputValue": text(output["Value"])}
            if "Description" in output:
                described["Description"] = output["Description"]
            if "Export" in output:
                described["ExportName"] = output["Export"]["Name"]
            outputs.append(described)
        stacks.check_exports(self.stack, outputs)
        return outputs


def start(stack: Stack, work: Callable[..., None], *arguments: Any) -> None:
    """Run a stack operation in the background."""

    def run() -> None:
        try:
            work(*arguments)
        except Exception as error:
            # After any error, the stack must not stay in progress for ever.
            stack.set_status(f"{stack.status.split('_')[0]}_FAILED", reason(error))
            raise

    threading.Thread(target=run, daemon=True).start()
