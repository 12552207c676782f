"""Checks the instance types of a build against those that SageMaker offers in the stack's region."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sagebuild.builds.context import BuildContext
from sagebuild.cost.offered import choose_offered, explain_missing_type
from sagebuild.parameters import BuildParameters
from sagebuild.plan.findings import Findings
from sagebuild.requests.bodies import Bodies, read_kind


def choose_instance_types(context: BuildContext[BuildParameters], findings: Findings) -> BuildContext[BuildParameters]:
    """Return the context with an offered type for each one that the document does not name; a note says which."""
    parameters, region = context.parameters, context.service.region
    changes: dict[str, str] = {}
    for name in _list_used(parameters):
        default = getattr(parameters, name)
        chosen = choose_offered(name, default, region)
        if name not in parameters.model_fields_set and chosen != default:
            changes[name] = chosen
            findings.add_note(
                f"{name} is {chosen}, because SageMaker does not offer the default {default} in {region}."
            )
    return replace(context, parameters=parameters.model_copy(update=changes)) if changes else context


def find_type_problems(region: str, bodies: Bodies) -> Iterator[str]:
    """Yield a sentence for each type in the requests that the region does not offer."""
    tuning = bodies.get("tuning") or {}
    resources = (bodies.get("training") or tuning.get("TrainingJobDefinition", {})).get("ResourceConfig", {})
    used = [("traininstancetype", each) for each in (resources, *resources.get("InstanceGroups", ()))]
    used += [
        (f"{kind.partition(':')[2]}.instancetype", body["ProcessingResources"]["ClusterConfig"])
        for kind, body in bodies.items()
        if read_kind(kind) == "processing"
    ]
    if "transform" in bodies:
        used.append(("batchtransform.instancetype", bodies["transform"]["TransformResources"]))
    used += [("hostinstancetype", each) for each in bodies["endpointConfig"]["ProductionVariants"]]
    problems = (
        explain_missing_type(name, each["InstanceType"], region) for name, each in used if "InstanceType" in each
    )
    yield from dict.fromkeys(filter(None, problems))


def _list_used(parameters: BuildParameters) -> Iterator[str]:
    if parameters.has_training and not parameters.instancegroups:
        yield "traininstancetype"
    if not parameters.serverless:
        yield "hostinstancetype"
