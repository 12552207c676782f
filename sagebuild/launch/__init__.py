"""Turns requests into builds: one build at a time, all other requests coalesced into one pending build.

Uploads, pushes, schedules, topics and alarms send messages to the launch queue. `inbox` takes them in batches,
`triggers` reads each one, and `events` has a row for each EventBridge source. `start` allocates the next number and
starts the state machine, or adds the requests to the pending build. `schedules` writes the schedules of the parameter
documents to EventBridge Scheduler.
"""
