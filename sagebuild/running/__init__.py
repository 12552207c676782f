"""A build's work in AWS: its training or tuning job, image builds, endpoint and scaling.

The state machine starts the work; these modules describe it and stop it. `metrics` reads a training's metrics, and
`stop` stops a running build with all its work.
"""
