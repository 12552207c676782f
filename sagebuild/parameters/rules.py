"""The rules that involve more than one parameter: each names the parameters it reads and yields an error sentence."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from sagebuild.parameters.common import BuildParameters
from sagebuild.parameters.groups import CategoricalRange
from sagebuild.parameters.problems import show_name, show_value


class Rule(NamedTuple):
    """A check, and the parameters that must be valid before it can run."""

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
# One of these static hyperparameters gives Hyperband the maximum number of epochs of a training.
HYPERBAND_EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")

OWN_VARIABLES = (
    "SAGEMAKER_PROGRAM",
    "SAGEMAKER_SUBMIT_DIRECTORY",
    "SAGEMAKER_CONTAINER_LOG_LEVEL",
    "SAGEMAKER_ENABLE_CLOUDWATCH_METRICS",
    "SAGEMAKER_REGION",
    "SAGEMAKER_REQUIREMENTS",
)
# The limit of CreateTrainingJob and CreateModel for a map, including the build's own entries.
MOST_ENTRIES = 100


def find_conflicts(parameters: BuildParameters, wrong: set[str], rules: Iterable[Rule]) -> Iterator[str]:
    """Yield a sentence for every broken rule; skip the rules that need a parameter in ``wrong``."""
    for rule in rules:
        if not rule.needs & wrong:
            yield from rule.find(parameters)


def rule_of(rules: list[Rule]) -> Callable[..., Callable[[Callable[[BuildParameters], Iterator[str]]], None]]:
    """Return the decorator that adds a check, with the parameters that it needs, to the rules."""
    return lambda *needs: lambda find: rules.append(Rule(frozenset(needs), find))


_rule = rule_of(RULES)


def _tunes(parameters: BuildParameters) -> bool:
    return parameters.configtrain == "SAGEMAKERHPO"


@_rule("configtrain", "hyperparameters")
def _ranges_need_tuning(parameters: BuildParameters) -> Iterator[str]:
    ranges = parameters.tuning_ranges
    if _tunes(parameters) and not ranges:
        yield (
            "configtrain is SAGEMAKERHPO, which needs a hyperparameter with Values or with MinValue and MaxValue; "
            "none is given."
        )
    for name in () if _tunes(parameters) else ranges:
        yield (
            f"hyperparameters.{show_name(name)} is a tuning range, which needs configtrain SAGEMAKERHPO; "
            "this document's configtrain is SAGEMAKER."
        )
    if len(ranges) > 30:
        yield f"hyperparameters has {len(ranges)} tuning ranges; a tuning job takes at most 30."


@_rule("configtrain", "tuningobjective")
def _tuning_needs_an_objective(parameters: BuildParameters) -> Iterator[str]:
    if _tunes(parameters) and not parameters.tuningobjective:
        yield 'configtrain is SAGEMAKERHPO, which needs tuningobjective, such as {"Name": "loss", "Type": "Minimize"}.'


@_rule("configtrain")
def _tuning_parameters_need_tuning(parameters: BuildParameters) -> Iterator[str]:
    for name in ("tuningobjective", "parentJobs", "WarmStartType", "tuningstrategy", "earlystopping"):
        if name in parameters.model_fields_set and not _tunes(parameters):
            yield f"{name} is for configtrain SAGEMAKERHPO; this document's configtrain is SAGEMAKER."


@_rule("configtrain", "parentJobs", "WarmStartType")
def _warm_start_needs_parents(parameters: BuildParameters) -> Iterator[str]:
    if _tunes(parameters) and "WarmStartType" in parameters.model_fields_set and not parameters.parentJobs:
        yield f"WarmStartType is {parameters.WarmStartType}, which needs parentJobs."


@_rule("configtrain", "hyperparameters", "tuningstrategy", "maxtrainingjobs")
def _combinations_suffice_for_the_trainings(parameters: BuildParameters) -> Iterator[str]:
    combinations, asked = parameters.combinations, parameters.maxtrainingjobs
    if not (_tunes(parameters) and parameters.tuning_ranges and combinations) or parameters.tuningstrategy == "Grid":
        return
    # CreateHyperParameterTuningJob: "You don't have enough combinations of hyperparameter ranges."
    if asked > combinations:
        yield f"maxtrainingjobs is {asked}; the ranges in hyperparameters allow {combinations} different trainings."


@_rule("configtrain", "hyperparameters", "tuningstrategy", "maxtrainingjobs")
def _grid_tries_every_combination(parameters: BuildParameters) -> Iterator[str]:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-how-it-works.html
    if not _tunes(parameters) or parameters.tuningstrategy != "Grid":
        return
    for name, values in parameters.tuning_ranges.items():
        if not isinstance(values, CategoricalRange):
            range_name = f"hyperparameters.{show_name(name)}"
            yield f"tuningstrategy is Grid, which needs Values; {range_name} has MinValue and MaxValue."
            return
    asked, combinations = parameters.maxtrainingjobs, parameters.combinations
    if "maxtrainingjobs" in parameters.model_fields_set and asked != combinations:
        yield (
            f"maxtrainingjobs is {asked}; tuningstrategy Grid trains once for each of the {combinations} combinations "
            f"of values: leave out maxtrainingjobs or set it to {combinations}."
        )


@_rule("configtrain", "hyperparameters", "tuningstrategy", "earlystopping")
def _hyperband_stops_trainings_itself(parameters: BuildParameters) -> Iterator[str]:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperbandStrategyConfig.html
    if not _tunes(parameters) or parameters.tuningstrategy != "Hyperband":
        return
    if parameters.earlystopping != "Off":
        yield "earlystopping is Auto; it must be Off for tuningstrategy Hyperband, which stops trainings itself."
    if not parameters.static_hyperparameters.keys() & HYPERBAND_EPOCHS:
        yield (
            "tuningstrategy is Hyperband, which needs the maximum number of epochs: set one of the hyperparameters "
            f"{', '.join(HYPERBAND_EPOCHS)} to a number."
        )


@_rule("configtrain", "parentJobs", "tuningstrategy")
def _warm_start_needs_bayesian_or_random(parameters: BuildParameters) -> Iterator[str]:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-warm-start.html
    if _tunes(parameters) and parameters.parentJobs and parameters.tuningstrategy in ("Grid", "Hyperband"):
        yield f"tuningstrategy is {parameters.tuningstrategy}; with parentJobs it must be Bayesian or Random."


@_rule("hyperparameters", "tuningstrategy", "maxtrainingjobs", "maxparalleltrainingjobs")
def _parallel_jobs_are_among_all_jobs(parameters: BuildParameters) -> Iterator[str]:
    if parameters.tuningstrategy == "Grid":
        return
    if parameters.maxparalleltrainingjobs > parameters.maxtrainingjobs:
        yield (
            f"maxparalleltrainingjobs is {parameters.maxparalleltrainingjobs}; "
            f"it must be at most maxtrainingjobs, which is {parameters.maxtrainingjobs}."
        )


@_rule("framework", "metrics", "tuningobjective")
def _the_objective_is_a_metric(parameters: BuildParameters) -> Iterator[str]:
    objective = parameters.tuningobjective
    if not objective or objective.Regex or parameters.facts.defines_metrics:
        return
    names = [metric.Name for metric in parameters.metrics]
    if objective.Name not in names:
        yield (
            f"tuningobjective.Name is {show_value(objective.Name)}, which metrics does not define; "
            "give tuningobjective.Regex, or define the metric in metrics."
        )


@_rule("metrics", "tuningobjective")
def _the_objective_has_one_definition(parameters: BuildParameters) -> Iterator[str]:
    objective = parameters.tuningobjective
    for metric in parameters.metrics:
        if objective and objective.Regex and metric.Name == objective.Name and metric.Regex != objective.Regex:
            yield f"metrics and tuningobjective.Regex define {show_value(metric.Name)} differently; give it once."


@_rule("framework", "metrics", "tuningobjective")
def _algorithms_define_their_metrics(parameters: BuildParameters) -> Iterator[str]:
    # CreateTrainingJob refuses to override the metric definitions of built-in algorithms.
    if not parameters.facts.defines_metrics:
        return
    framework = f"framework {parameters.framework}"
    if parameters.metrics:
        yield f"metrics is not for {framework}, whose algorithms define their own metrics; leave it out."
    if parameters.tuningobjective and parameters.tuningobjective.Regex:
        yield f"tuningobjective.Regex is not for {framework}, whose algorithms define their own metrics; leave it out."


@_rule("metrics")
def _metrics_have_different_names(parameters: BuildParameters) -> Iterator[str]:
    names = [metric.Name for metric in parameters.metrics]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"metrics defines {show_value(name)} {names.count(name)} times; give each Name once."


@_rule("uri", "channels")
def _uri_and_channels_exclude_each_other(parameters: BuildParameters) -> Iterator[str]:
    if parameters.uri and parameters.channels:
        yield "uri and channels are both given; give one of them."


@_rule("framework", "traininstancecount")
def _some_frameworks_train_on_one_instance(parameters: BuildParameters) -> Iterator[str]:
    if parameters.facts.trains_on_one_instance and parameters.traininstancecount > 1:
        yield (
            f"traininstancecount is {parameters.traininstancecount}; it must be 1, because {parameters.framework} "
            "trains on one instance."
        )


@_rule("framework", "hyperparameters")
def _reserved_hyperparameters_are_left_out(parameters: BuildParameters) -> Iterator[str]:
    if not parameters.facts.has_script:
        return
    for name, advice in OWN_HYPERPARAMETERS.items():
        if name in parameters.hyperparameters:
            yield f"hyperparameters.{name} is set by the build; {advice}."


@_rule("framework", "hyperparameters", "modelhostingenvironment")
def _maps_have_room_for_the_build_s_entries(parameters: BuildParameters) -> Iterator[str]:
    if not parameters.facts.has_script:
        return
    for name, given, own in (
        ("hyperparameters", parameters.static_hyperparameters, OWN_HYPERPARAMETERS),
        ("modelhostingenvironment", parameters.modelhostingenvironment, OWN_VARIABLES),
    ):
        if len(given.keys() | set(own)) > MOST_ENTRIES:
            yield (
                f"{name} has {len(given)} entries; it may have at most {MOST_ENTRIES - len(own)}, because the build "
                "adds its own."
            )


@_rule("Tags")
def _tags_are_not_reserved(parameters: BuildParameters) -> Iterator[str]:
    for name in parameters.Tags:
        if name.lower().startswith(("aws:", "sagebuild:")):
            yield f"Tags.{show_name(name)} is reserved; a tag's name must not begin with aws: or sagebuild:."


@_rule("framework", "sourcelocation", "sourceversion")
def _a_folder_has_no_version(parameters: BuildParameters) -> Iterator[str]:
    location = getattr(parameters, "sourcelocation", None)
    if location and location.endswith("/") and getattr(parameters, "sourceversion", None):
        yield "sourceversion is given, and sourcelocation is a folder, which has no versions; leave out sourceversion."
