"""Builds the bodies of a build's SageMaker requests from its parameters.

`training` decides whether a build trains, and returns all bodies. `bodies` builds the training job, model and endpoint
configuration; `tuning` turns a training job into a tuning job. `extensions` adds optional features, `script_mode` the
settings of script-mode containers, and `guardrails` the traffic shifting. `algorithms` checks the parameters of
built-in algorithms. At the end, `hooks` lets the user's own functions replace a body.
"""
