"""What a build runs in AWS: its training or tuning job, image builds, endpoint and scaling.

These modules describe what is there and stop what must not continue; the state machine starts it.
"""
