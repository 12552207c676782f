"""The client: a deployed stack as Python objects, for scripts, notebooks and the command line.

`connection` finds the stack and returns `stack`, whose changing methods are in `actions` and `launch_requests`. A
stack gives you builds (`build`), the parameter document (`document`), `uploads`, `prediction`, `chat`, `doctor` and the
Alexa skill (`alexa`). `descriptions`, `logs`, `metrics` and `comparison` describe builds, `charts` draws them for
notebooks and the page, and `progress` shows a build while it runs. `utterances` resolves what is said
to the skill.
"""

from sagebuild.client.connection import connect

__all__ = ["connect"]
