"""A project: a folder that describes a pipeline, with its parameters, source code and data.

`project` is the class for Python. `file` reads `sagebuild.yaml`, whose text `yaml_text` parses, and `content` reads
what the project brings to a stack. `check` examines that: `folder_objects` shows its files to the checks of a build as
if they were in S3, and `offline` stands for a stack. `apply` writes what differs, `applied` finds changes that others
made, and `git` reads the commit. `init` copies a ready pipeline, and
`run` trains and serves on this machine.
"""

from sagebuild.project.project import Project

__all__ = ["Project"]
