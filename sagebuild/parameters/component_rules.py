"""The rules of inference components."""

from collections.abc import Iterator

from sagebuild.instance_facts import count_gpus, processor_of
from sagebuild.parameters.common import BuildParameters
from sagebuild.parameters.llm import LlmParameters
from sagebuild.parameters.rules import Rule, rule_of

COMPONENT_RULES: list[Rule] = []
_rule = rule_of(COMPONENT_RULES)

# A component is for real-time endpoints, and has one container:
# https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-deploy-models.html and
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_InferenceComponentSpecification.html. No page of AWS
# describes the data capture of a component.
_EXCLUDED = ("serverless", "asynchronous", "pipeline", "datacapture")


@_rule("inferencecomponent", *_EXCLUDED)
def _a_component_has_one_container_on_a_real_time_endpoint(parameters: BuildParameters) -> Iterator[str]:
    for name in _EXCLUDED if parameters.inferencecomponent else ():
        if getattr(parameters, name):
            yield f"{name} is not for inference components; give {name} or inferencecomponent."


@_rule("framework", "engine", "inferencecomponent", "hostinstancetype", "gpus")
def _a_copy_fits_on_an_instance(parameters: BuildParameters) -> Iterator[str]:
    if not (component := parameters.inferencecomponent):
        return
    host, asked = parameters.hostinstancetype, component.accelerators
    is_neuron, there = processor_of(host) in ("inf", "trn"), count_gpus(host)
    if not asked and (is_neuron or parameters.gpus_per_copy is None):
        yield (
            f"inferencecomponent.accelerators is missing; the number of accelerators of {host} is not known, so give "
            "the number for one copy."
        )
    if not asked or is_neuron:
        return
    if there is not None and asked > there:
        yield f"inferencecomponent.accelerators is {asked}; {host} has {there or 'none'}."
    elif isinstance(parameters, LlmParameters) and asked != parameters.gpus_per_copy:
        yield (
            f"inferencecomponent.accelerators is {asked}, and a copy of the model uses {parameters.gpus_per_copy}; "
            "give gpus instead."
        )


@_rule("inferencecomponent", "guardrails")
def _the_copies_of_a_component_shift_in_equal_steps(parameters: BuildParameters) -> Iterator[str]:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_InferenceComponentDeploymentConfig.html
    guardrails = parameters.guardrails
    if not parameters.inferencecomponent or not guardrails:
        return
    if guardrails.shifting != "LINEAR":
        yield (
            f"guardrails.shifting is {guardrails.shifting}; for inferencecomponent it must be LINEAR, because "
            "SageMaker replaces the copies of a model in equal steps."
        )
    if guardrails.terminationwait:
        yield "guardrails.terminationwait is not for inferencecomponent; leave it out."
