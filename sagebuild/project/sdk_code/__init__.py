"""Converts code that uses the SageMaker SDK, version 2 or 3, to a project; the code is read and never executed.

`reader` walks the statements and `evaluator` the expressions, with Python's operators in `expressions`; `values`
describes the SDK's objects that they find. `arguments` has the tables of what becomes of each argument. `training`,
`tuning`, `channels`, `images` and `serving` convert one kind of object each, into the `state` of a conversion.
`conversion` puts the parts together, `report` describes the result, and `files` writes the project.
"""
