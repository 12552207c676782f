"""Converts a parameter document of aws-sagemaker-build, the predecessor, and reports every change.

`document` converts a document. `values` converts the parameters that keep their name and change their form, and
`versions` the framework and its version.
`facts` says what becomes of the other names, `changes` records
what happens, and `report` writes it as text.

The names and meanings are those of https://github.com/aws-samples/aws-sagemaker-build: the SSM parameter is in
templates/main/step_function/index.js, and its readers are in lambda/util/nodejs/lib and templates/main/step_function.
"""
