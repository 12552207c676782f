"""The rules of processing and evaluation: names, outputs, the order of the jobs, and their images."""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from sagebuild.parameters.common import BuildParameters
from sagebuild.parameters.evaluation_names import EVALUATION, LIVE_EVALUATION
from sagebuild.parameters.rules import Rule, rule_of
from sagebuild.parameters.shown import show_name, show_value
from sagebuild.parameters.step_options import MOST_INPUTS, ProcessingJob, Step, StepInput

STEP_RULES: list[Rule] = []
_rule = rule_of(STEP_RULES)

DEFAULT_CHANNEL_PATH = "train/"  # in the data bucket, without channels in the document
# The inputs that the build adds.
CODE_INPUT, MODEL_INPUT = "code", "model"


def list_steps(parameters: BuildParameters) -> Iterator[tuple[str, Step]]:
    """Yield the processing and evaluation jobs of a document, each with its dotted name."""
    yield from ((f"processing[{index}]", job) for index, job in enumerate(parameters.processing))
    if parameters.evaluation:
        yield "evaluation", parameters.evaluation


def read_inputs(parameters: BuildParameters, step: Step) -> dict[str, StepInput]:
    """Return the inputs of a job by name; one that names a channel has that channel's place.

    An input that names a channel without a place in S3 is left out; a rule refuses it.
    """
    found: dict[str, StepInput] = {}
    for name, given in step.inputs.items():
        if given.channel is None:
            found[name] = given
        elif place := _find_place(parameters, given.channel):
            found[name] = given.model_copy(update={"channel": None, **place})
    return found


def _find_place(parameters: BuildParameters, name: str) -> dict[str, str | None]:
    """Return the place of a channel as members of an input; empty if it is not in S3, or an augmented manifest."""
    if parameters.has_default_channel and name == parameters.facts.data_channel:
        return {"uri": parameters.uri} if parameters.uri else {"path": DEFAULT_CHANNEL_PATH}
    channel = parameters.channels.get(name)
    if channel is None or channel.filesystem or channel.type == "AugmentedManifestFile":
        return {}
    return {"path": channel.path, "uri": channel.uri, "output": channel.output, "type": channel.type}


def list_needs(parameters: BuildParameters, job: Step) -> list[str]:
    """Return the names of the processing jobs whose outputs a job reads."""
    return [each.output.partition(".")[0] for each in read_inputs(parameters, job).values() if each.output]


def sort_jobs(parameters: BuildParameters) -> list[ProcessingJob]:
    """Return the processing jobs in an order in which each comes after the jobs of its inputs.

    Raises
    ------
    CycleError
        A job needs its own output, directly or through others.
    """
    jobs = {job.name: job for job in parameters.processing}
    needs = {name: [each for each in list_needs(parameters, job) if each in jobs] for name, job in jobs.items()}
    return [jobs[name] for name in TopologicalSorter(needs).static_order()]


@_rule("processing")
def _jobs_have_their_own_names(parameters: BuildParameters) -> Iterator[str]:
    # SageMaker does not distinguish names that differ only in case.
    names = [job.name.lower() for job in parameters.processing]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"processing has the name {name} more than once; give each job its own name."
    for name in {EVALUATION, LIVE_EVALUATION}.intersection(names):
        yield f"processing has the name {name}, which is reserved for the parameter evaluation; rename the job."


@_rule("processing")
def _no_job_needs_itself(parameters: BuildParameters) -> Iterator[str]:
    try:
        sort_jobs(parameters)
    except CycleError as error:
        circle = " needs ".join(reversed(error.args[1]))
        yield f"processing has a circle, in which no job can start: {circle}; remove one of these inputs."


@_rule("processing", "evaluation", "channels")
def _outputs_exist(parameters: BuildParameters) -> Iterator[str]:
    known = [f"{job.name}.{output}" for job in parameters.processing for output in job.outputs]
    for place, output in _list_wanted_outputs(parameters):
        if output not in known:
            advice = f"it must be one of {', '.join(known)}" if known else "processing has no outputs"
            yield f"{place}.output is {show_value(output)}; {advice}."


def _list_wanted_outputs(parameters: BuildParameters) -> Iterator[tuple[str, str]]:
    for path, step in list_steps(parameters):
        for name, each in step.inputs.items():
            if each.output:
                yield f"{path}.inputs.{show_name(name)}", each.output
    for name, channel in parameters.channels.items():
        if channel.output:
            yield f"channels.{show_name(name)}", channel.output


@_rule("processing", "evaluation", "channels")
def _channels_of_inputs_exist(parameters: BuildParameters) -> Iterator[str]:
    default = [parameters.facts.data_channel] if parameters.has_default_channel else []
    usable = [name for name in (*default, *parameters.channels) if _find_place(parameters, name)]
    for path, step in list_steps(parameters):
        for name, each in step.inputs.items():
            if each.channel is not None and each.channel not in usable:
                known = f"it must be one of {', '.join(usable)}" if usable else "there is no channel with data in S3"
                yield f"{path}.inputs.{show_name(name)}.channel is {show_value(each.channel)}; {known}."


@_rule("processing", "evaluation")
def _inputs_have_room_for_the_build_s_own(parameters: BuildParameters) -> Iterator[str]:
    for path, step in list_steps(parameters):
        own = [CODE_INPUT] * bool(step.script) + [MODEL_INPUT] * (path == EVALUATION)
        for name in own:
            if name in step.inputs:
                yield f"{path}.inputs.{name} is reserved for the {_OWN_INPUTS[name]}; rename your input."
        if len(step.inputs) + len(own) > MOST_INPUTS:
            yield (
                f"{path}.inputs has {len(step.inputs)} entries; it may have at most {MOST_INPUTS - len(own)}, because "
                "the build adds its own."
            )


_OWN_INPUTS = {CODE_INPUT: "script", MODEL_INPUT: "model"}


@_rule("processing", "evaluation")
def _folders_differ(parameters: BuildParameters) -> Iterator[str]:
    for path, step in list_steps(parameters):
        folders = [place_input(name, each).rstrip("/") for name, each in step.inputs.items()]
        if isinstance(step, ProcessingJob):
            folders += [place_output(step, name).rstrip("/") for name in step.outputs]
        for folder in dict.fromkeys(folder for folder in folders if folders.count(folder) > 1):
            yield f"{path} has more than one input or output in the folder {folder}; give each its own."


def place_input(name: str, given: StepInput) -> str:
    """Return the folder of an input in the container."""
    return given.folder or f"/opt/ml/processing/input/{name}"


def place_output(job: ProcessingJob, name: str) -> str:
    """Return the folder of an output in the container."""
    return job.outputs[name].folder or f"/opt/ml/processing/output/{name}"


@_rule("framework", "processing", "evaluation")
def _scripts_need_an_image_and_an_archive(parameters: BuildParameters) -> Iterator[str]:
    for path, step in list_steps(parameters):
        if not (step.image or step.framework) and parameters.framework == "AMAZON":
            yield f"{path} needs image or framework, because the images of framework AMAZON run only its algorithms."
        own = getattr(parameters, "trainsourcefile", None) or getattr(parameters, "git_config", None)
        if step.script and not (step.source or own):
            yield f"{path}.script is {show_value(step.script)}, which needs source, the archive with the script."
        if not step.script and not step.image and not step.entrypoint and parameters.framework != "BYOD":
            yield f"{path} needs script; only a job with its own image can go without one."


@_rule("evaluation", "evaluatelive")
def _the_live_model_needs_an_evaluation(parameters: BuildParameters) -> Iterator[str]:
    if parameters.evaluatelive and not parameters.evaluation:
        yield "evaluatelive is true, which needs evaluation."
