"""How a tuning job chooses the values of its next training.

Random and Grid are AWS's own. AWS's Bayesian search fits a Gaussian process; here tree-structured Parzen estimators
stand in for it. Hyperband chooses at random here, and `tuning_stopping` ends the trainings that fall behind.
"""

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from local.sagemaker.resources import Json

Point = tuple[float, ...]  # a value between 0 and 1 for each range
Values = dict[str, str]

# From this ratio of its limits on, a range with scaling Auto is searched by orders of magnitude.
_WIDE = 1000
_BANDWIDTH = 0.15
_CANDIDATES = 24
# The share of results that count as good, and of candidates that ignore them.
_GOOD, _ADVENTUROUS = 0.25, 0.2
_ATTEMPTS = 1000


@dataclass(frozen=True)
class Result:
    """What a training with these values has come to; the higher the score the better."""

    values: Mapping[str, str]
    score: float


class Dimension(Protocol):
    """One range, stretched to 0..1."""

    name: str

    def place(self, unit: float) -> str:
        """The value at a place."""

    def locate(self, value: str) -> float:
        """The place of a value; raises ValueError if it lies outside."""

    def density(self, at: float, centre: float) -> float:
        """How likely a place is, given that one seen there or near."""

    def near(self, centre: float, chance: random.Random) -> float:
        """A place like another one."""


class Categorical:
    """Values without order: each has an equal part of 0..1."""

    def __init__(self, entry: Json) -> None:
        self.name: str = entry["Name"]
        self.values: list[str] = list(dict.fromkeys(entry["Values"]))

    def place(self, unit: float) -> str:
        """The value at a place."""
        return self.values[self._index(unit)]

    def locate(self, value: str) -> float:
        """The middle of a value's part."""
        return (self.values.index(value) + 0.5) / len(self.values)

    def density(self, at: float, centre: float) -> float:
        """All for the same value, nothing for any other."""
        return len(self.values) if self._index(at) == self._index(centre) else 0.0

    def near(self, centre: float, _chance: random.Random) -> float:
        """The same value."""
        return centre

    def _index(self, unit: float) -> int:
        return min(int(unit * len(self.values)), len(self.values) - 1)


class Numeric:
    """Numbers between two limits, on one of AWS's scales."""

    def __init__(self, entry: Json, *, whole: bool) -> None:
        self.name: str = entry["Name"]
        self._low, self._high, self._whole = float(entry["MinValue"]), float(entry["MaxValue"]), whole
        self._scale = entry.get("ScalingType") or "Auto"
        if self._scale == "Auto":
            is_wide = self._low > 0 and self._high / self._low >= _WIDE
            self._scale = "Logarithmic" if is_wide else "Linear"
        # Rounding gives the first and the last whole number their full share.
        edge = 0.5 if whole else 0.0
        self._start, self._end = self._stretch(self._low - edge), self._stretch(self._high + edge)

    def place(self, unit: float) -> str:
        """The value at a place."""
        value = self._shrink(self._start + unit * (self._end - self._start))
        value = min(max(round(value) if self._whole else value, self._low), self._high)
        return str(int(value)) if self._whole else repr(value)

    def locate(self, value: str) -> float:
        """The place of a value."""
        number = float(value)
        if not self._low <= number <= self._high:
            raise ValueError(value)
        return (self._stretch(number) - self._start) / (self._end - self._start)

    def density(self, at: float, centre: float) -> float:
        """A bell around the place seen."""
        return math.exp(-(((at - centre) / _BANDWIDTH) ** 2) / 2) / (_BANDWIDTH * math.sqrt(2 * math.pi))

    def near(self, centre: float, chance: random.Random) -> float:
        """A place out of that bell."""
        return min(max(chance.gauss(centre, _BANDWIDTH), 0.0), 1.0)

    def _stretch(self, value: float) -> float:
        if self._scale == "Logarithmic":
            return math.log(value)
        return -math.log1p(-value) if self._scale == "ReverseLogarithmic" else value

    def _shrink(self, value: float) -> float:
        if self._scale == "Logarithmic":
            return math.exp(value)
        return -math.expm1(-value) if self._scale == "ReverseLogarithmic" else value


def read_ranges(ranges: Json) -> list[Dimension]:
    """The dimensions of a request's ParameterRanges."""
    found: list[Dimension] = [Categorical(entry) for entry in ranges.get("CategoricalParameterRanges") or []]
    found += [Numeric(entry, whole=True) for entry in ranges.get("IntegerParameterRanges") or []]
    found += [Numeric(entry, whole=False) for entry in ranges.get("ContinuousParameterRanges") or []]
    return found


class Search:
    """The choices of one tuning job, the same ones again for the same seed and results.

    Parameters
    ----------
    strategy
        Random, Grid, Bayesian or Hyperband.
    dimensions
        What is searched.
    seed
        Where chance begins.
    known
        Results of parent jobs, whose values are not tried again.
    """

    def __init__(
        self, strategy: str, dimensions: Sequence[Dimension], seed: str | int, known: Iterable[Result] = ()
    ) -> None:
        self._strategy, self._dimensions = strategy, dimensions
        self._chance = random.Random(seed)
        self._known = list(known)
        self._tried = [{d.name: result.values.get(d.name, "") for d in dimensions} for result in self._known]
        self._grid = self._walk_grid()

    def choose(self, results: Iterable[Result]) -> Values:
        """The values of the next training.

        Parameters
        ----------
        results
            Of this job's trainings so far.
        """
        if self._strategy == "Grid":
            return next(self._grid)
        seen = [*self._known, *results]
        for _ in range(_ATTEMPTS):
            values = self._place(self._guess(seen))
            if values not in self._tried:
                break
        self._tried.append(values)
        return values

    def _guess(self, seen: list[Result]) -> Point:
        is_informed = self._strategy == "Bayesian" and len(seen) > len(self._dimensions) + 1
        if not is_informed or self._chance.random() < _ADVENTUROUS:
            return tuple(self._chance.random() for _ in self._dimensions)
        ranked = [self._locate(result.values) for result in sorted(seen, key=lambda one: -one.score)]
        points = [point for point in ranked if point]
        count = math.ceil(len(points) * _GOOD)
        good, bad = points[:count], points[count:]
        if not good:
            return tuple(self._chance.random() for _ in self._dimensions)
        candidates = [self._vary(self._chance.choice(good)) for _ in range(_CANDIDATES)]
        return max(candidates, key=lambda point: self._likelihood(point, good) - self._likelihood(point, bad))

    def _vary(self, point: Point) -> Point:
        return tuple(d.near(unit, self._chance) for d, unit in zip(self._dimensions, point, strict=True))

    def _likelihood(self, point: Point, seen: list[Point]) -> float:
        """The logarithm of how likely a point is among those seen, with one imagined anywhere."""
        total = 0.0
        for index, dimension in enumerate(self._dimensions):
            densities = [dimension.density(point[index], one[index]) for one in seen]
            total += math.log((1 + sum(densities)) / (1 + len(densities)))
        return total

    def _place(self, point: Point) -> Values:
        return {d.name: d.place(unit) for d, unit in zip(self._dimensions, point, strict=True)}

    def _locate(self, values: Mapping[str, str]) -> Point | None:
        """The point of some values; None for a parent's that this job could not have."""
        try:
            return tuple(dimension.locate(values[dimension.name]) for dimension in self._dimensions)
        except (KeyError, ValueError):
            return None

    def _walk_grid(self) -> Iterator[Values]:
        names = [dimension.name for dimension in self._dimensions]
        lists = [dimension.values for dimension in self._dimensions if isinstance(dimension, Categorical)]
        for combination in itertools.product(*lists):
            yield dict(zip(names, combination, strict=True))
