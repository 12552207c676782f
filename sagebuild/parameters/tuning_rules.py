"""The rules of a tuning job: its ranges, its strategy and its limits."""

from collections.abc import Iterator

from sagebuild.parameters.common import BuildParameters
from sagebuild.parameters.groups import CategoricalRange
from sagebuild.parameters.rules import Rule, rule_of
from sagebuild.parameters.shown import show_name

TUNING_RULES: list[Rule] = []
_rule = rule_of(TUNING_RULES)

# One of these static hyperparameters gives Hyperband the maximum number of epochs of a training.
HYPERBAND_EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")


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
    for name in (
        "tuningobjective",
        "parentJobs",
        "WarmStartType",
        "tuningstrategy",
        "earlystopping",
        "hyperband",
        "tuningcompletion",
    ):
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


@_rule("configtrain", "hyperparameters", "tuningstrategy", "earlystopping", "hyperband")
def _hyperband_stops_trainings_itself(parameters: BuildParameters) -> Iterator[str]:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperbandStrategyConfig.html
    if not _tunes(parameters) or parameters.tuningstrategy != "Hyperband":
        return
    if parameters.earlystopping != "Off":
        yield "earlystopping is Auto; it must be Off for tuningstrategy Hyperband, which stops trainings itself."
    maximum = parameters.hyperband and parameters.hyperband.maxresource
    if not maximum and not parameters.static_hyperparameters.keys() & HYPERBAND_EPOCHS:
        yield (
            "tuningstrategy is Hyperband, which needs the maximum number of epochs: set one of the hyperparameters "
            f"{', '.join(HYPERBAND_EPOCHS)} to a number, or hyperband.maxresource."
        )


@_rule("configtrain", "tuningstrategy", "hyperband")
def _the_limits_of_hyperband_need_hyperband(parameters: BuildParameters) -> Iterator[str]:
    if _tunes(parameters) and parameters.hyperband and parameters.tuningstrategy != "Hyperband":
        given = parameters.tuningstrategy
        yield f"hyperband is for tuningstrategy Hyperband; this document's tuningstrategy is {given}."


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
