"""Converts SageMaker requests to a parameter document.

`requests` reads requests and converts them. `training`, `tuning`, `endpoint` and `model` convert one kind each;
`images` finds the framework and `script` reads the settings of script-mode containers. `source` holds what is left of a
request, `draft` the document so far, and `members` and `model_members` say what becomes of each member of a request.
"""
