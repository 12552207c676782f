"""The first step of a build: read and check everything, write every request, pay for nothing.

`build` plans a build and `rollback` plans the return to an earlier one. Both collect everything that is wrong in one
`Findings` before they raise it: inputs, images, quotas, alarms, request shapes and cost. The result is the plan, the
one document that the state machine works from.
"""
