"""Promotes a model: a build of one stack deploys the model that a build of another stack made.

`rules` finds what would move and refuses what cannot. `copying` copies the files to the receiving stack's model bucket,
and `manifest` describes them there. `receiving` reads the manifest again in the receiving build, before anything paid.
"""
