"""One deployed stack from Python, for a person: what `sagebuild.connect` returns.

`connection` finds the stack; `stack` is it, with `steering` for what it is told to do by `launching`; `build`,
`parameters`, `uploads`, `logs`, `prediction` and `doctor` are what can be done with it; `overview`, `facts`, `steps`,
`metrics`, `comparison` and `drawing` are how a build is shown.
"""

from sagebuild.client.connection import connect

__all__ = ["connect"]
