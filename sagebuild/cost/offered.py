"""The instance types that SageMaker offers in a region: those that have a price there in the dated table of prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagebuild.cost.prices import date_prices, list_known_types, list_prices

# Where SageMaker does not offer the default type, the cheapest of these takes its place. All have two x86 processors
# and at least 4 GB of memory, so that every framework has an image for them. SageMaker's service model lists which of
# them are for training and which for endpoints (TrainingInstanceType, ProductionVariantInstanceType).
_CHEAP = {
    "hostinstancetype": ("ml.c5.large", "ml.c6i.large", "ml.c7i.large", "ml.m5.large", "ml.m6i.large", "ml.m7i.large"),
    "traininstancetype": ("ml.m5.large", "ml.m6i.large", "ml.m7i.large", "ml.c7i.large"),
}
# Processing and transform jobs have these types, too (ProcessingInstanceType, TransformInstanceType).
_LIKE_TRAINING = _CHEAP["traininstancetype"]


def find_offered(name: str, region: str) -> Mapping[str, float]:
    """Return the prices per hour of the types that a region offers; none if the table does not have the region.

    The table has few training prices, so a type that can host counts as one that can train.

    Parameters
    ----------
    name
        ``hostinstancetype`` or ``traininstancetype``.
    """
    hosting = list_prices("hosting", region)
    return hosting if name == "hostinstancetype" else {**hosting, **list_prices("training", region)}


def explain_missing_type(name: str, instance_type: str, region: str) -> str:
    """Explain that a region does not offer a type; empty if it does, or if the table does not know that.

    The table knows nothing of types that it has in no region.
    """
    offered = find_offered(name, region)
    if not offered or instance_type in offered or instance_type not in list_known_types():
        return ""
    cheap = sorted((kind for kind in _CHEAP.get(name, _LIKE_TRAINING) if kind in offered), key=offered.__getitem__)
    return (
        f"{name} is {instance_type}, which SageMaker does not offer in {region} (price table of {date_prices()}); "
        f"choose one that it offers, such as {' or '.join(cheap[:2])}, or update the table: make prices."
    )


def choose_offered(name: str, instance_type: str, region: str) -> str:
    """Return a default type, or a cheap one where a region does not offer it."""
    if not explain_missing_type(name, instance_type, region):
        return instance_type
    offered = find_offered(name, region)
    return min((kind for kind in _CHEAP[name] if kind in offered), key=offered.__getitem__, default=instance_type)


def fit_to_region(document: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return a document of defaults with instance types that a region offers."""
    return {
        name: choose_offered(name, value, region) if name in _CHEAP and isinstance(value, str) else value
        for name, value in document.items()
    }
