"""Which trainings of a tuning job are not worth going on with, by the values of the objective that they print.

A training's n-th value counts as that of its n-th epoch. AWS's early stopping is the median rule that its documentation
tells of. Its Hyperband is approximated by asynchronous successive halving: whoever reaches 1, 3, 9 ... epochs must be
in the best third there.
"""

import math
from collections.abc import Sequence
from statistics import fmean, median

Scores = Sequence[float]  # of one training, epoch by epoch; the higher the better

_ETA = 3


def falls_below_median(scores: Scores, completed: Sequence[Scores]) -> bool:
    """Whether the last score is worse than the median of what completed trainings had on average up to that epoch.

    https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-early-stopping.html
    """
    epochs = len(scores)
    if not epochs:
        return False
    averages = [fmean(others[:epochs]) for others in completed if len(others) >= epochs]
    return bool(averages) and scores[-1] < median(averages)


def falls_behind(scores: Scores, others: Sequence[Scores], min_resource: int) -> bool:
    """Whether a training is not among the best third at the last rung that it has reached."""
    if len(scores) < min_resource:
        return False
    rung = min_resource
    while rung * _ETA <= len(scores):
        rung *= _ETA
    there = [one[rung - 1] for one in others if len(one) >= rung]
    better = sum(score > scores[rung - 1] for score in there)
    return len(there) + 1 >= _ETA and better >= math.ceil((len(there) + 1) / _ETA)
