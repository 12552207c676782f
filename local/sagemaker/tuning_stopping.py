"""Decides by the printed objective which trainings of a tuning job to stop early.

A training's n-th value counts as its n-th epoch. Early stopping is the median rule of AWS's documentation. Asynchronous
successive halving approximates AWS's Hyperband: after 1, 3, 9 ... epochs a training must be in the best third.
"""

import math
from collections.abc import Sequence
from statistics import fmean, median

Scores = Sequence[float]  # of one training, epoch by epoch; the higher the better

_ETA = 3


def falls_below_median(scores: Scores, completed: Sequence[Scores]) -> bool:
    """True if the last score is below the median of completed trainings' average scores up to that epoch.

    https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-early-stopping.html
    """
    epochs = len(scores)
    if not epochs:
        return False
    averages = [fmean(others[:epochs]) for others in completed if len(others) >= epochs]
    return bool(averages) and scores[-1] < median(averages)


def falls_behind(scores: Scores, others: Sequence[Scores], min_resource: int) -> bool:
    """False while a training is in the best third at its last rung, or has too few competitors there."""
    if len(scores) < min_resource:
        return False
    rung = min_resource
    while rung * _ETA <= len(scores):
        rung *= _ETA
    there = [one[rung - 1] for one in others if len(one) >= rung]
    better = sum(score > scores[rung - 1] for score in there)
    return len(there) + 1 >= _ETA and better >= math.ceil((len(there) + 1) / _ETA)
