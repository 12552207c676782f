"""The names of an evaluation's jobs, and of the metrics in its report. Imports no models."""

EVALUATION, LIVE_EVALUATION = "evaluation", "evaluation-live"
# How the names of the metrics from the report begin.
EVALUATED = "evaluation."
