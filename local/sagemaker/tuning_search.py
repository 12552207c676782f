"""Chooses the values of a tuning job's next training.

Random and Grid are the same as on AWS. For Bayesian, tree-structured Parzen estimators replace AWS's Gaussian process.
Hyperband chooses at random here, and `tuning_stopping` ends its worst trainings.
"""

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from local.sagemaker.resources import Json

Point = tuple[float, ...]  # a position from 0 to 1 for each range
Values = dict[str, str]

# With this ratio of its limits or a larger one, a range with scaling Auto is logarithmic.
_LOGARITHMIC_RATIO = 1000
_BANDWIDTH = 0.15
_CANDIDATES = 24
# The share of results that count as good, and the share of random choices.
_GOOD_SHARE, _RANDOM_SHARE = 0.25, 0.2
_ATTEMPTS = 1000


@dataclass(frozen=True)
class Result:
    """The score of a training with these values; higher is better."""

    values: Mapping[str, str]
    score: float


class Dimension(Protocol):
    """One range, mapped to positions from 0 to 1."""

    name: str

    def value_at(self, position: float) -> str:
        """The value at a position."""

    def position_of(self, value: str) -> float:
        """The position of a value; raises ValueError if it is outside the range."""

    def density(self, position: float, centre: float) -> float:
        """The probability density of a position around a known one."""

    def sample_near(self, centre: float, source: random.Random) -> float:
        """A random position near a known one."""


class Categorical:
    """Unordered values; each has an equal part of the positions."""

    def __init__(self, entry: Json) -> None:
        self.name: str = entry["Name"]
        self.values: list[str] = list(dict.fromkeys(entry["Values"]))

    def value_at(self, position: float) -> str:
        """The value at a position."""
        return self.values[self._index(position)]

    def position_of(self, value: str) -> float:
        """The middle of a value's part."""
        return (self.values.index(value) + 0.5) / len(self.values)

    def density(self, position: float, centre: float) -> float:
        """Zero for any other value."""
        return len(self.values) if self._index(position) == self._index(centre) else 0.0

    def sample_near(self, centre: float, _source: random.Random) -> float:
        """The same position."""
        return centre

    def _index(self, position: float) -> int:
        return min(int(position * len(self.values)), len(self.values) - 1)


class Numeric:
    """Numbers between two limits, on one of AWS's scales."""

    def __init__(self, entry: Json, *, whole: bool) -> None:
        self.name: str = entry["Name"]
        self._low, self._high, self._whole = float(entry["MinValue"]), float(entry["MaxValue"]), whole
        self._scale = entry.get("ScalingType") or "Auto"
        if self._scale == "Auto":
            is_wide = self._low > 0 and self._high / self._low >= _LOGARITHMIC_RATIO
            self._scale = "Logarithmic" if is_wide else "Linear"
        # With these edges, rounding gives the first and the last whole number the same share as the others.
        edge = 0.5 if whole else 0.0
        self._start, self._end = self._to_scale(self._low - edge), self._to_scale(self._high + edge)

    def value_at(self, position: float) -> str:
        """The value at a position."""
        value = self._from_scale(self._start + position * (self._end - self._start))
        value = min(max(round(value) if self._whole else value, self._low), self._high)
        return str(int(value)) if self._whole else repr(value)

    def position_of(self, value: str) -> float:
        """The position of a value."""
        number = float(value)
        if not self._low <= number <= self._high:
            raise ValueError(value)
        return (self._to_scale(number) - self._start) / (self._end - self._start)

    def density(self, position: float, centre: float) -> float:
        """A normal distribution around the known position."""
        return math.exp(-(((position - centre) / _BANDWIDTH) ** 2) / 2) / (_BANDWIDTH * math.sqrt(2 * math.pi))

    def sample_near(self, centre: float, source: random.Random) -> float:
        """A sample of that distribution."""
        return min(max(source.gauss(centre, _BANDWIDTH), 0.0), 1.0)

    def _to_scale(self, value: float) -> float:
        if self._scale == "Logarithmic":
            return math.log(value)
        return -math.log1p(-value) if self._scale == "ReverseLogarithmic" else value

    def _from_scale(self, value: float) -> float:
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
    """The search of one tuning job; the same seed and results give the same choices.

    Parameters
    ----------
    strategy
        Random, Grid, Bayesian or Hyperband.
    dimensions
        The searched ranges.
    seed
        The seed of the random generator.
    known
        The results of parent jobs; their values are not repeated.
    """

    def __init__(
        self, strategy: str, dimensions: Sequence[Dimension], seed: str | int, known: Iterable[Result] = ()
    ) -> None:
        self._strategy, self._dimensions = strategy, dimensions
        self._random = random.Random(seed)
        self._known = list(known)
        self._tried = [{d.name: result.values.get(d.name, "") for d in dimensions} for result in self._known]
        self._grid = self._walk_grid()

    def choose(self, results: Iterable[Result]) -> Values:
        """The values of the next training.

        Parameters
        ----------
        results
            The results of this job so far.
        """
        if self._strategy == "Grid":
            return next(self._grid)
        seen = [*self._known, *results]
        for _ in range(_ATTEMPTS):
            values = self._to_values(self._propose(seen))
            if values not in self._tried:
                break
        self._tried.append(values)
        return values

    def _propose(self, seen: list[Result]) -> Point:
        is_informed = self._strategy == "Bayesian" and len(seen) > len(self._dimensions) + 1
        if not is_informed or self._random.random() < _RANDOM_SHARE:
            return tuple(self._random.random() for _ in self._dimensions)
        ranked = [self._to_point(result.values) for result in sorted(seen, key=lambda one: -one.score)]
        points = [point for point in ranked if point]
        count = math.ceil(len(points) * _GOOD_SHARE)
        good, bad = points[:count], points[count:]
        if not good:
            return tuple(self._random.random() for _ in self._dimensions)
        candidates = [self._vary(self._random.choice(good)) for _ in range(_CANDIDATES)]
        return max(candidates, key=lambda point: self._likelihood(point, good) - self._likelihood(point, bad))

    def _vary(self, point: Point) -> Point:
        return tuple(d.sample_near(position, self._random) for d, position in zip(self._dimensions, point, strict=True))

    def _likelihood(self, point: Point, seen: list[Point]) -> float:
        """The logarithm of a point's likelihood, given the known points and one uniform prior."""
        total = 0.0
        for index, dimension in enumerate(self._dimensions):
            densities = [dimension.density(point[index], one[index]) for one in seen]
            total += math.log((1 + sum(densities)) / (1 + len(densities)))
        return total

    def _to_values(self, point: Point) -> Values:
        return {d.name: d.value_at(position) for d, position in zip(self._dimensions, point, strict=True)}

    def _to_point(self, values: Mapping[str, str]) -> Point | None:
        """The point of these values; None if they are outside this job's ranges."""
        try:
            return tuple(dimension.position_of(values[dimension.name]) for dimension in self._dimensions)
        except (KeyError, ValueError):
            return None

    def _walk_grid(self) -> Iterator[Values]:
        names = [dimension.name for dimension in self._dimensions]
        lists = [dimension.values for dimension in self._dimensions if isinstance(dimension, Categorical)]
        for combination in itertools.product(*lists):
            yield dict(zip(names, combination, strict=True))
