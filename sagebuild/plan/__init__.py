"""The first step of a build: it checks everything and writes every request, before anything costs money.

`dispatch` reads the build's record. `build` plans a build, and `rollback` plans the return to an earlier one. Both
examine inputs, images, quotas, alarms, request shapes and cost, and collect all problems in one `Findings` before they
raise an error. The result is the plan, the one document from which the state machine works. `uses` records the
instances that a build needs, for the builds of other pipelines.
"""
