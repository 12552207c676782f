"""Serves only the skill: access rights, the effect of a change before its confirmation, and facts for short answers.

`access` reads who may speak, and counts attempts at the PIN. `forecast`, `rollback` and `spoken_parameters` describe a
change before a person confirms it. `approval` and `comparison` choose the metric to speak of. `pipelines` finds the
pipeline that a person named.
"""
