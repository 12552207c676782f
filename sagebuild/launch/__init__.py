"""Turns requests into builds: one build at a time, all other requests coalesced into one pending build.

Messages of the launch queue come from uploads, pushes, schedules, topics and alarms. `triggers` says what each message
means, `inbox` takes them in batches, and `start` allocates the next number and starts the state machine, or adds the
requests to the pending build.
"""
