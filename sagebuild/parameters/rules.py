"""What parameters must be together: each rule tells which of them it needs, and what is wrong with them."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from sagebuild.parameters.common import BuildParameters
from sagebuild.parameters.problems import show_name, show_value


class Rule(NamedTuple):
    """A check, and the parameters that must be right by themselves before it can say anything."""

    needs: frozenset[str]
    find: Callable[[BuildParameters], Iterator[str]]


RULES: list[Rule] = []
# Set by the build from other parameters: https://github.com/aws/sagemaker-training-toolkit names them.
OWN_HYPERPARAMETERS = {
    "sagemaker_program": "give trainentrypoint instead",
    "sagemaker_submit_directory": "give trainsourcefile instead",
    "sagemaker_container_log_level": "give containerloglevel instead",
    "sagemaker_enable_cloudwatch_metrics": "give enablecloudwatchmetrics instead",
    "sagemaker_region": "leave it out",
    "sagemaker_job_name": "leave it out",
}


def find_conflicts(parameters: BuildParameters, wrong: set[str]) -> Iterator[str]:
    """Yield a sentence for every rule that is broken; rules that need a parameter known to be wrong are passed over."""
    for rule in RULES:
        if not rule.needs & wrong:
            yield from rule.find(parameters)


def _rule(*needs: str) -> Callable[[Callable[[BuildParameters], Iterator[str]]], None]:
    return lambda find: RULES.append(Rule(frozenset(needs), find))


def _tunes(parameters: BuildParameters) -> bool:
    return parameters.configtrain == "SAGEMAKERHPO"


@_rule("configtrain", "hyperparameters")
def _ranges_need_tuning(parameters: BuildParameters) -> Iterator[str]:
    ranges = parameters.tuning_ranges
    if _tunes(parameters) and not ranges:
        yield (
            "configtrain is SAGEMAKERHPO, which needs a hyperparameter with Values or with MinValue and MaxValue; "
            "hyperparameters has none."
        )
    for name in () if _tunes(parameters) else ranges:
        yield (
            f"hyperparameters.{show_name(name)} is a tuning range, which needs configtrain SAGEMAKERHPO; "
            "this document's configtrain is SAGEMAKER."
        )
    if len(ranges) > 30:
        yield f"hyperparameters has {len(ranges)} tuning ranges; a tuning job takes 30 at most."


@_rule("configtrain", "tuningobjective")
def _tuning_needs_an_objective(parameters: BuildParameters) -> Iterator[str]:
    if _tunes(parameters) and not parameters.tuningobjective:
        yield 'configtrain is SAGEMAKERHPO, which needs tuningobjective, such as {"Name": "loss", "Type": "Minimize"}.'


@_rule("configtrain")
def _tuning_s_own_need_tuning(parameters: BuildParameters) -> Iterator[str]:
    for name in ("tuningobjective", "parentJobs", "WarmStartType"):
        if name in parameters.model_fields_set and not _tunes(parameters):
            yield f"{name} is for configtrain SAGEMAKERHPO; this document's configtrain is SAGEMAKER."


@_rule("configtrain", "parentJobs", "WarmStartType")
def _warm_start_needs_parents(parameters: BuildParameters) -> Iterator[str]:
    if _tunes(parameters) and "WarmStartType" in parameters.model_fields_set and not parameters.parentJobs:
        yield f"WarmStartType is {parameters.WarmStartType}, which needs parentJobs, the tuning jobs to start from."


@_rule("maxtrainingjobs", "maxparalleltrainingjobs")
def _parallel_jobs_are_among_all_jobs(parameters: BuildParameters) -> Iterator[str]:
    if parameters.maxparalleltrainingjobs > parameters.maxtrainingjobs:
        yield (
            f"maxparalleltrainingjobs is {parameters.maxparalleltrainingjobs}; "
            f"it must be at most maxtrainingjobs, which is {parameters.maxtrainingjobs}."
        )


@_rule("framework", "metrics", "tuningobjective")
def _the_objective_is_a_metric(parameters: BuildParameters) -> Iterator[str]:
    objective = parameters.tuningobjective
    if not objective or objective.Regex or parameters.framework == "AMAZON":
        return
    names = [metric.Name for metric in parameters.metrics]
    if objective.Name not in names:
        yield (
            f"tuningobjective.Name is {show_value(objective.Name)}, which metrics does not define; "
            "give tuningobjective.Regex or a metric of that Name."
        )


@_rule("framework", "metrics", "tuningobjective")
def _algorithms_define_their_metrics(parameters: BuildParameters) -> Iterator[str]:
    # CreateTrainingJob answers so: metric definitions of built-in algorithms cannot be overridden.
    if parameters.framework != "AMAZON":
        return
    if parameters.metrics:
        yield "metrics is not for framework AMAZON, whose algorithms define their own."
    if parameters.tuningobjective and parameters.tuningobjective.Regex:
        yield "tuningobjective.Regex is not for framework AMAZON, whose algorithms define their own metrics."


@_rule("metrics")
def _metrics_have_names_of_their_own(parameters: BuildParameters) -> Iterator[str]:
    names = [metric.Name for metric in parameters.metrics]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"metrics defines {show_value(name)} {names.count(name)} times; give each Name once."


@_rule("uri", "channels")
def _data_has_one_place(parameters: BuildParameters) -> Iterator[str]:
    if parameters.uri and parameters.channels:
        yield "uri is for a document without channels; give one of them."


@_rule("framework", "traininstancecount")
def _scikit_learn_trains_on_one_instance(parameters: BuildParameters) -> Iterator[str]:
    if parameters.framework == "SCIKIT" and parameters.traininstancecount > 1:
        yield f"traininstancecount is {parameters.traininstancecount}; it must be 1, since SCIKIT cannot train on more."


@_rule("framework", "hyperparameters")
def _the_build_s_hyperparameters_are_its_own(parameters: BuildParameters) -> Iterator[str]:
    if parameters.framework in ("AMAZON", "BYOD"):
        return
    for name, advice in OWN_HYPERPARAMETERS.items():
        if name in parameters.hyperparameters:
            yield f"hyperparameters.{name} is set by the build; {advice}."


@_rule("Tags")
def _tags_are_not_reserved(parameters: BuildParameters) -> Iterator[str]:
    for name in parameters.Tags:
        if name.lower().startswith(("aws:", "sagebuild:")):
            yield f"Tags.{show_name(name)} is reserved; a tag's name must not begin with aws: or sagebuild:."


@_rule("framework", "sourcelocation", "sourceversion")
def _a_folder_has_no_version(parameters: BuildParameters) -> Iterator[str]:
    location = getattr(parameters, "sourcelocation", None)
    if location and location.endswith("/") and getattr(parameters, "sourceversion", None):
        yield "sourceversion is not for a sourcelocation that is a folder, of which there is but one version."
