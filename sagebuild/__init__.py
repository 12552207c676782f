"""CI/CD for SageMaker models; `connect` returns a deployed stack, and `Project` a folder that describes a pipeline.

>>> import sagebuild
>>> stack = sagebuild.connect("sagebuild-dev")
>>> build = stack.start()
>>> build.watch()
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sagebuild.client import connect as connect
    from sagebuild.project import Project as Project

__all__ = ["Project", "connect"]


def __getattr__(name: str) -> Any:
    # Lambda imports this package too, and its archives do not contain the client.
    if name == "connect":
        from sagebuild.client import connect

        return connect
    if name == "Project":
        from sagebuild.project import Project

        return Project
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
