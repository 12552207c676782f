"""The S3 addresses of processing and evaluation jobs: their scripts, inputs and outputs, and the model to evaluate."""

from __future__ import annotations

from sagebuild.builds.context import BuildContext
from sagebuild.names import name_resource, name_tuning_job
from sagebuild.parameters import BuildParameters
from sagebuild.parameters.step_options import Step, StepInput
from sagebuild.requests.script_mode import locate_output, locate_source
from sagebuild.service import Service

REPORT_OUTPUT = "evaluation"
STEPS_FOLDER = "processing"  # in the build's folder of the model bucket


def locate_model(context: BuildContext[BuildParameters]) -> str:
    """Return the S3 address at which the build's training saves its model."""
    service, tunes = context.service, context.parameters.configtrain == "SAGEMAKERHPO"
    job = (name_tuning_job if tunes else name_resource)(service, context.number)
    return f"{locate_output(service)}/{job}/output/model.tar.gz"


def locate_step_output(service: Service, number: int, job: str, output: str) -> str:
    """Return the S3 address of the folder with a job's output."""
    return f"{locate_output(service)}/{name_resource(service, number)}/{STEPS_FOLDER}/{job}/{output}/"


def locate_report(service: Service, number: int, job: str, report: str) -> str:
    """Return the S3 address of the report of an evaluation."""
    return f"{locate_step_output(service, number, job, REPORT_OUTPUT)}{report}"


def resolve_output(context: BuildContext[BuildParameters], output: str) -> str:
    """Return the S3 address of an output such as split.train: of this build, or of the one whose output is reused."""
    job, _, name = output.partition(".")
    return locate_step_output(context.service, context.steps.reused.get(job, context.number), job, name)


def locate_step_source(context: BuildContext[BuildParameters], step: Step) -> str | None:
    """Return the S3 address of the archive with a job's script; None for a job without script."""
    if not step.script:
        return None
    return locate_source(context.service, step.source or getattr(context.parameters, "trainsourcefile", None))


def locate_input(context: BuildContext[BuildParameters], given: StepInput) -> str:
    """Return the S3 address of a job's input."""
    if given.output:
        return resolve_output(context, given.output)
    service = context.service
    return given.uri or f"s3://{service.settings.data_bucket}/{service.folder}{str(given.path).lstrip('/')}"
