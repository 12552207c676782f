"""The trials of a build's tuning: the values and the objective of each, with the best one marked."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC
from typing import Any, overload

from sagebuild.builds.records import BuildRecord
from sagebuild.client.descriptions import format_values, shorten_value
from sagebuild.running.causes import clean_lines, find_error
from sagebuild.running.job import describe_tuning_job
from sagebuild.running.tuning import Tuning, list_trainings, read_values
from sagebuild.service import Service
from sagebuild.view.html import render_badge, render_table, stack_vertically

SHOWN = 10  # rows of the table
_NAMED = 3  # trials with the same reason
_NO_TUNING = Tuning(0, 0)
_STATES = {"Completed": "done", "Failed": "failed", "Stopped": "stopped"}  # every other status: running


@dataclass(frozen=True)
class Trial:
    """One training of a tuning job.

    Parameters
    ----------
    name
        The name of the training job.
    label
        The end of its name, which identifies it in the tuning job: "003-1a2b3c4d".
    state
        "running", "done", "failed" or "stopped".
    hyperparameters
        The values that it got out of the ranges.
    objective
        The value of the objective metric; None as long as there is none, and for NaN and infinity.
    reason
        Why it failed.
    ended_at
        ISO 8601 in UTC; empty while it runs.
    """

    name: str
    label: str
    state: str
    hyperparameters: Mapping[str, str]
    objective: float | None = None
    reason: str = ""
    is_best: bool = False
    ended_at: str = ""


@dataclass(frozen=True)
class Trials(Sequence[Trial]):
    """The trials of a tuning job, oldest first; they print as a table, also in a notebook."""

    trials: tuple[Trial, ...] = ()
    tuning: Tuning = _NO_TUNING

    @overload
    def __getitem__(self, index: int) -> Trial: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Trial]: ...
    def __getitem__(self, index: int | slice) -> Trial | Sequence[Trial]:
        return self.trials[index]

    def __len__(self) -> int:
        return len(self.trials)

    @property
    def best(self) -> Trial | None:
        """The best trial so far; None if none has completed."""
        return next((trial for trial in self.trials if trial.is_best), None)

    @property
    def names(self) -> list[str]:
        """The names of the tuned hyperparameters."""
        return list(dict.fromkeys(name for trial in self.trials for name in trial.hyperparameters))

    @property
    def progress(self) -> str:
        """A sentence such as "2 of 4 trials completed, 1 is running, 1 failed."."""
        counts = Counter(trial.state for trial in self.trials)
        parts = [f"{counts['done']} of {self.tuning.trainings} trials completed"]
        parts += [f"{count} {words}" for state, words in _COUNTED.items() if (count := counts[state])]
        return f"{', '.join(parts)}."

    @property
    def outcome(self) -> str:
        """A sentence with the best trial and its values; empty if there is none."""
        best = self.best
        if not best or best.objective is None:
            return ""
        return (
            f"Best: {best.label}, {self.tuning.metric} {best.objective:g} with {format_values(best.hyperparameters)}."
        )

    @property
    def failures(self) -> list[str]:
        """A sentence for each different reason of failed trials."""
        labels: dict[str, list[str]] = {}
        for trial in self.trials:
            if trial.state == "failed":
                labels.setdefault(trial.reason, []).append(trial.label)
        return [f"{_name_some(found)} failed: {reason or 'no reason is known'}" for reason, found in labels.items()]

    def select(self, limit: int = SHOWN) -> tuple[Sequence[Trial], str]:
        """Return the trials for a table, and a sentence about the others, which is empty if there are none.

        If there are more than ``limit``, the best come first, then the running ones; else the oldest comes first.
        """
        if len(self.trials) <= limit:
            return self.trials, ""
        sign = 1 if self.tuning.goal == "Minimize" else -1
        measured = [trial for trial in self.trials if trial.objective is not None]
        ranked = sorted(measured, key=lambda trial: (not trial.is_best, sign * (trial.objective or 0)))
        running = [trial for trial in self.trials if trial.state == "running" and trial.objective is None]
        places = max(limit - len(running), limit // 2)
        shown = [*ranked[:places], *running][:limit]
        rest = Counter(trial.state for trial in self.trials if trial not in shown)
        counts = ", ".join(f"{count} {state}" for state, count in rest.items())
        return shown, f"{len(self.trials) - len(shown)} more are not shown: {counts}."

    def to_list(self) -> list[dict[str, Any]]:
        """Return plain values, for JSON or a pandas.DataFrame."""
        return [asdict(trial) for trial in self.trials]

    def __repr__(self) -> str:
        shown, rest = self.select()
        rows = [f"{trial.label:<14} {describe_state(trial):<11} {describe_trial(self, trial)}" for trial in shown]
        return "\n".join([*rows, *self.sentences(rest)]) or "<no trials>"

    def sentences(self, rest: str = "") -> list[str]:
        """Return the sentences below the table."""
        if not self.trials:
            return []
        return [line for line in (rest, self.progress, self.outcome, *self.failures) if line]

    def _repr_html_(self) -> str:
        shown, rest = self.select()
        columns = ("trial", "state", self.tuning.metric, *self.names)
        rows = []
        for trial in shown:
            values = (shorten_value(trial.hyperparameters.get(name, "")) for name in self.names)
            state = render_badge("succeeded" if trial.is_best else trial.state, describe_state(trial))
            rows.append((trial.name, state, format_objective(trial), *values))
        below = render_table([(line,) for line in self.sentences(rest)])
        return stack_vertically(render_table(rows, columns), below) if self.trials else ""


_COUNTED = {"running": "running", "failed": "failed", "stopped": "stopped"}


def read_trials(service: Service, record: BuildRecord) -> Trials:
    """Read the trials of a build; none if it tunes nothing, or its tuning has not begun."""
    job = describe_tuning_job(service, record.tuning_job) if record.tuning_job else None
    if job is None or job.tuning is None:
        return Trials()
    trainings = list_trainings(service, job.name)
    return Trials(tuple(build_trial(job.name, job.tuning.best, training) for training in trainings), job.tuning)


def build_trial(tuning_job: str, best: str, training: Mapping[str, Any]) -> Trial:
    """Build a trial from an entry of ListTrainingJobsForHyperParameterTuningJob."""
    name, ended_at = training["TrainingJobName"], training.get("TrainingEndTime")
    value = training.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value")
    return Trial(
        name=name,
        label=label_trial(tuning_job, name),
        state=_STATES.get(training["TrainingJobStatus"], "running"),
        hyperparameters=read_values(training),
        objective=value if value is not None and math.isfinite(value) else None,
        reason=_shorten_reason(training.get("FailureReason", "")),
        is_best=name == best,
        ended_at=ended_at.astimezone(UTC).isoformat() if ended_at else "",
    )


def label_trial(tuning_job: str, training: str) -> str:
    """Return the part of a training's name that the tuning job has added: "003-1a2b3c4d"."""
    return training.removeprefix(f"{tuning_job}-")


def describe_state(trial: Trial) -> str:
    """Return a trial's state, with "best" for the best one."""
    return f"{trial.state}, best" if trial.is_best else trial.state


def describe_trial(trials: Trials, trial: Trial) -> str:
    """Return a trial's objective and values, such as "accuracy 0.91 with rate 0.1, penalty l2"."""
    measured = f"{trials.tuning.metric} {format_objective(trial)} " if trial.objective is not None else ""
    return f"{measured}with {format_values(trial.hyperparameters)}"


def format_objective(trial: Trial) -> str:
    """Return a trial's objective; "-" if it has none."""
    return "-" if trial.objective is None else f"{trial.objective:g}"


def _name_some(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return f"{', '.join(labels[:_NAMED])}{more}"


def _shorten_reason(reason: str) -> str:
    """Return the line of SageMaker's FailureReason that names the error; else its first line."""
    # AWS's training toolkit writes the line of the exception as: ErrorMessage "ValueError: no"
    lines = [line.removeprefix('ErrorMessage "').rstrip('"') for line in clean_lines([reason])]
    return find_error(lines) or next(iter(lines), "")
