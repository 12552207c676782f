"""Renders the trials of a tuning for a terminal or a pipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from sagebuild.cli.show import STYLES, make_grid
from sagebuild.client.descriptions import format_values, shorten_value
from sagebuild.client.trials import SHOWN, Trial, Trials, describe_state, format_objective


def show_trials(trials: Trials, limit: int = SHOWN, *, with_outcome: bool = True) -> RenderableType:
    """Show a line for each trial, at most ``limit``, and the failures.

    Parameters
    ----------
    with_outcome
        Also show the progress and the best trial in sentences.
    """
    shown, rest = trials.select(limit)
    lines = trials.sentences(rest) if with_outcome else [line for line in (rest, *trials.failures) if line]
    return Group(_TrialTable(trials, shown), *(Text(line, overflow="fold") for line in lines))


@dataclass(frozen=True)
class _TrialTable:
    """A table with a column for each hyperparameter; if that is too wide, all values are in one column."""

    trials: Trials
    shown: Sequence[Trial]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = self._build(self.trials.names)
        fits = Measurement.get(console, options.update(width=1000), wide).maximum <= options.max_width
        yield wide if fits else self._build([])

    def _build(self, names: Sequence[str]) -> Table:
        titles = ["TRIAL", "STATE", self.trials.tuning.metric, *(names or ["VALUES"])]
        table = make_grid(*titles)
        for trial in self.shown:
            style = "bold green" if trial.is_best else STYLES.get(trial.state, "")
            values = [shorten_value(trial.hyperparameters.get(name, "")) for name in names]
            cells = [trial.label, describe_state(trial), format_objective(trial)]
            row = [*cells, *(values or [format_values(trial.hyperparameters)])]
            table.add_row(*(Text(cell, style=style, overflow="fold") for cell in row))
        return table
