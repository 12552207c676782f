"""The bodies of the SageMaker requests that a build makes, written from its parameters.

`bodies` has the training job, model and endpoint configuration; `tuning` turns a training into a tuning job.
`extensions` adds the optional features, `script_mode` and `algorithms` what containers expect, `guardrails` how
traffic moves. `hooks` lets a person's own functions replace a body at the end.
"""
