"""The published form of ``local``: the package that contains it, and the command ``sagebuild-local``.

Its folders ``local`` and ``sagebuild`` can be imported in the engine's process only, so these names stay free for you.
"""
