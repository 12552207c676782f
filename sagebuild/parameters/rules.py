"""The rules that involve more than one parameter: each names the parameters it reads and yields an error sentence."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from sagebuild.parameters.common import BuildParameters
from sagebuild.parameters.shown import show_name, show_value


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


@_rule("framework", "traininstancecount", "instancegroups")
def _some_frameworks_train_on_one_instance(parameters: BuildParameters) -> Iterator[str]:
    if not parameters.facts.trains_on_one_instance or parameters.training_count == 1:
        return
    if parameters.instancegroups:
        yield f"instancegroups is not for {parameters.framework}, which trains on one instance; leave it out."
    else:
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
