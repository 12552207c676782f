"""Checks that a build gives Amazon's built-in algorithms the hyperparameters, channels and instances that they need.

The channels and instances are from https://docs.aws.amazon.com/sagemaker/latest/dg/common-info-all-im-models.html, the
hyperparameters from each algorithm's page "Hyperparameters". All algorithms read recordio-protobuf or their own format,
unless a channel's contentType names another one; text/csv has the label in the first column.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.images.table import newest_version, read_numbers
from sagebuild.instance_facts import processor_of
from sagebuild.parameters import AmazonParameters, CategoricalRange
from sagebuild.parameters.shown import show_value

DEFAULT_CHANNEL = FRAMEWORKS["AMAZON"].data_channel


class Needs(NamedTuple):
    """The hyperparameters, channels and instances that an algorithm needs."""

    hyperparameters: tuple[str, ...] = ()
    channels: tuple[str, ...] = (DEFAULT_CHANNEL,)
    processors: tuple[str, ...] = ("cpu", "gpu", "graviton")
    one_instance: bool = False


_IMAGES = ("num_classes", "num_training_samples")
_LABELLED = ("train", "validation")
_ANNOTATED = (*_LABELLED, "train_annotation", "validation_annotation")
NEEDS: dict[str, Needs] = {
    "blazingtext": Needs(("mode",)),
    "factorization-machines": Needs(("feature_dim", "num_factors", "predictor_type")),
    "forecasting-deepar": Needs(("context_length", "epochs", "prediction_length", "time_freq")),
    "image-classification": Needs(_IMAGES, _LABELLED, ("gpu",)),
    "ipinsights": Needs(("num_entity_vectors", "vector_dim")),
    "kmeans": Needs(("feature_dim", "k")),
    "knn": Needs(("feature_dim", "k", "predictor_type", "sample_size")),
    "lda": Needs(("feature_dim", "mini_batch_size", "num_topics"), processors=("cpu",), one_instance=True),
    "linear-learner": Needs(("predictor_type",)),
    "ntm": Needs(("feature_dim", "num_topics")),
    "object-detection": Needs(_IMAGES, _LABELLED, ("gpu",)),
    "object2vec": Needs(("enc0_max_seq_len", "enc0_vocab_size"), one_instance=True),
    "pca": Needs(("feature_dim", "mini_batch_size", "num_components")),
    "randomcutforest": Needs(("feature_dim",), processors=("cpu",)),
    "semantic-segmentation": Needs(_IMAGES, _ANNOTATED, ("gpu",), one_instance=True),
    "seq2seq": Needs((), ("train", "validation", "vocab"), ("gpu",), one_instance=True),
    "xgboost": Needs(("num_round",)),
}
# The objectives of xgboost, by the first version whose container accepts them. Version 1 is XGBoost 0.72; the others
# are in https://github.com/aws/sagemaker-xgboost-container, algorithm_mode/hyperparameter_validation.py of each branch.
_XGBOOST_OBJECTIVES: dict[str, tuple[str, ...]] = {
    "0.72": (
        "binary:logistic",
        "binary:logitraw",
        "count:poisson",
        "multi:softmax",
        "multi:softprob",
        "rank:map",
        "rank:ndcg",
        "rank:pairwise",
        "reg:gamma",
        "reg:linear",
        "reg:logistic",
        "reg:tweedie",
        "survival:cox",
    ),
    "0.90": ("binary:hinge", "reg:squarederror"),
    "1.0": ("reg:squaredlogerror",),
    "1.2": ("reg:pseudohubererror", "survival:aft"),
    "1.7": ("reg:absoluteerror",),
}
_XGBOOST_OLDEST = ("1", "latest")  # the versions of the image of XGBoost 0.72
_XGBOOST_CLASSES = ("multi:softmax", "multi:softprob")  # the objectives that need num_class


def find_algorithm_problems(parameters: AmazonParameters) -> Iterator[str]:
    """Yield a sentence for each need of the algorithm that the document does not meet."""
    name, needs = parameters.algorithm, NEEDS[parameters.algorithm]
    missing = [wanted for wanted in needs.hyperparameters if wanted not in parameters.hyperparameters]
    if missing:
        yield f"hyperparameters lacks {', '.join(missing)}, which algorithm {name} needs."
    channels = {DEFAULT_CHANNEL} if parameters.has_default_channel else set(parameters.channels)
    absent = [wanted for wanted in needs.channels if wanted not in channels]
    if absent:
        yield f"channels lacks {', '.join(absent)}, which algorithm {name} reads by that name."
    for instance_type, _ in parameters.training_instances:
        if processor_of(instance_type) in needs.processors:
            continue
        parameter = "instancegroups has" if parameters.instancegroups else "traininstancetype is"
        kind, example = ("GPU", "ml.g4dn.xlarge") if needs.processors == ("gpu",) else ("CPU", "ml.m5.large")
        yield (
            f"{parameter} {instance_type}; algorithm {name} trains on {kind} instances only; use one such as {example}."
        )
    if needs.one_instance and parameters.training_count > 1:
        yield (
            f"traininstancecount is {parameters.training_count}; it must be 1, because algorithm {name} trains on "
            "one instance."
        )
    if name == "xgboost":
        yield from _find_objective_problems(parameters)


def read_release(algorithm: str, version: str) -> tuple[int, ...]:
    """Return the numbers of an algorithm's release, from the version of its image."""
    return read_numbers("0.72" if algorithm == "xgboost" and version in _XGBOOST_OLDEST else version)


def _find_objective_problems(parameters: AmazonParameters) -> Iterator[str]:
    """Yield a sentence for each objective that the version of xgboost does not know or cannot use."""
    given = parameters.hyperparameters.get("objective")
    if given is None:
        return
    version = parameters.frameworkversion or newest_version(parameters.algorithm)
    release = read_release(parameters.algorithm, version)
    known = [word for first, words in _XGBOOST_OBJECTIVES.items() if read_numbers(first) <= release for word in words]
    for objective in given.Values if isinstance(given, CategoricalRange) else [given]:
        if objective not in known:
            since = [first for first, words in _XGBOOST_OBJECTIVES.items() if objective in words]
            newer = f"give frameworkversion {since[0]} or later, or use one of" if since else "use one of"
            yield (
                f"hyperparameters.objective is {show_value(objective)}, which xgboost {version} does not know; {newer} "
                f"{', '.join(sorted(known))}."
            )
        elif objective in _XGBOOST_CLASSES and "num_class" not in parameters.hyperparameters:
            yield f"hyperparameters lacks num_class, which objective {objective} of algorithm xgboost needs."
