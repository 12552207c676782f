"""The rules of batchtransform: splits, filters and joins, the size of requests, the model, and the reserved name."""

from collections.abc import Iterator

from sagebuild.parameters.common import BuildParameters
from sagebuild.parameters.rules import Rule, rule_of
from sagebuild.parameters.transform_options import BatchTransform

TRANSFORM_RULES: list[Rule] = []
_rule = rule_of(TRANSFORM_RULES)

# The name of the job among a build's jobs.
TRANSFORM = "transform"
# https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
_CSV, _JSON = "text/csv", ("application/json", "application/jsonlines")
# MaxPayloadInMB times MaxConcurrentTransforms:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
_MOST_MEGABYTES = 100


@_rule("batchtransform")
def _strategy_needs_split(parameters: BuildParameters) -> Iterator[str]:
    job = parameters.batchtransform
    if job and job.strategy and job.split == "None":
        yield f"batchtransform.strategy is {job.strategy}, which needs split; give Line, RecordIO or TFRecord."


@_rule("batchtransform")
def _requests_fit(parameters: BuildParameters) -> Iterator[str]:
    job = parameters.batchtransform
    if job and job.payload and job.concurrency and job.payload * job.concurrency > _MOST_MEGABYTES:
        yield (
            f"batchtransform has payload {job.payload} and concurrency {job.concurrency}; their product must be at "
            f"most {_MOST_MEGABYTES} MB."
        )


@_rule("batchtransform")
def _filters_and_joins_need_a_known_format(parameters: BuildParameters) -> Iterator[str]:
    job = parameters.batchtransform
    if not job or not job.processes_records:
        return
    given, asked = _read_type(job.contenttype), _read_type(job.accept)
    allowed = ", ".join((_CSV, *_JSON))
    for name, value in (("contenttype", given), ("accept", asked)):
        if value not in (_CSV, *_JSON):
            yield f"batchtransform has a filter or join, which needs {name}; give one of {allowed}."
            return
    if job.join == "Input" and (given == _CSV) != (asked == _CSV):
        yield f"batchtransform joins {given} with {asked}; SageMaker joins only CSV with CSV, and JSON with JSON."
    if given == _CSV and (job.split, job.assemble) != ("Line", "Line"):
        yield "batchtransform has a filter or join of CSV, which needs split Line and assemble Line."
    yield from _find_names_in_csv(job, given, asked)


def _find_names_in_csv(job: BatchTransform, given: str, asked: str) -> Iterator[str]:
    for name, path, kind in (("inputfilter", job.inputfilter, given), ("outputfilter", job.outputfilter, asked)):
        if kind == _CSV and path and ("'" in path or "." in path):
            yield f"batchtransform.{name} is {path}; a row of CSV has only positions, such as $[0] or $[1:]."


@_rule("batchtransform", "ModelArtifacts")
def _the_model_is_an_archive(parameters: BuildParameters) -> Iterator[str]:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html: ModelDataSource
    if parameters.batchtransform and (parameters.ModelArtifacts or "").endswith("/"):
        yield "ModelArtifacts is a folder; batchtransform needs the address of a model.tar.gz."


@_rule("processing", "batchtransform")
def _the_name_of_the_job_is_reserved(parameters: BuildParameters) -> Iterator[str]:
    if parameters.batchtransform and TRANSFORM in [job.name.lower() for job in parameters.processing]:
        yield f"processing has the name {TRANSFORM}, which is reserved for batchtransform; rename the job."


def _read_type(text: str | None) -> str:
    return (text or "").partition(";")[0].strip().lower()
