"""Serves only the skill: access rights, and facts for short answers.

`access` reads who may speak, and counts attempts at the PIN. `forecast` predicts how long a build takes. `comparison`
chooses the metric to speak of. `spoken_parameters` reads the parameters that a person can say. `pipelines` finds the
pipeline that a person named.
"""
