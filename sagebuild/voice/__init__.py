"""What only voice needs: who may speak, the effect of a request before its yes, and builds in one spoken sentence.

`access` reads who may speak, and counts attempts at the PIN. `outlook`, `rollback` and `spoken_parameters` describe a
change before a person confirms it. `approval` and `comparison` choose the metric to speak of.
"""
