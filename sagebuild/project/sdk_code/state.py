"""What a conversion has found so far: the parameter document, the script's files, and data on this machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from sagebuild.client.conversion.draft import Draft
from sagebuild.project.sdk_code.arguments import Arguments
from sagebuild.project.sdk_code.values import Call

S3 = "s3://"


@dataclass
class State:
    """A conversion.

    Parameters
    ----------
    script
        The script that is read; relative paths in it begin at its folder, or at the current one.
    files
        The files to copy into the project's source folder: the path on this machine, and the one in the folder.
    data
        The path of the data of each channel.
    """

    script: Path
    draft: Draft = field(default_factory=Draft)
    files: dict[str, Path] = field(default_factory=dict)
    data: dict[str, Path] = field(default_factory=dict)

    def find(self, name: str) -> Path | None:
        """Return the path of a file or folder that the script names; None if there is none."""
        text = name.removeprefix("file://")
        places = (folder / text for folder in (self.script.parent, Path()))
        return next((place for place in places if place.exists()), None)


def read_code(state: State, arguments: Arguments, entry_name: str, entry: str, folder: str) -> None:
    """Take the script and its folder out of the arguments of an estimator, a trainer or a model.

    Parameters
    ----------
    entry_name
        The argument that names the script.
    entry, folder
        The parameters of the script and of its archive.
    """
    origin, where = arguments.locate(entry_name), arguments.locate("source_dir")
    script = arguments.take_known(entry_name, entry)
    source = arguments.take_known("source_dir", "source")
    dependencies = arguments.take_known("dependencies", "source") or []
    if isinstance(source, str) and source.startswith(S3):
        state.draft.put(folder, source, where)
        state.draft.put(entry, script, origin)
        return
    if isinstance(source, str):
        _add(state, source, "", where)
        if isinstance(script, str):
            script = _strip(script, source)
    elif isinstance(script, str):
        _add(state, script, PurePosixPath(script).name, origin)
        script = PurePosixPath(script).name
    for path in dependencies if isinstance(dependencies, list) else []:
        _add(state, str(path), PurePosixPath(str(path)).name, arguments.locate("dependencies"))
    state.draft.put(entry, script, origin)


def _add(state: State, path: str, name: str, origin: str) -> None:
    found = state.find(path)
    if found is None:
        state.draft.refuse(origin, path, "there is no such file or folder here; put it into the source folder")
    else:
        state.files[name] = found


def _strip(script: str, folder: str) -> str:
    """Return the path of a script in its folder: some code repeats the folder in it."""
    path, parent = PurePosixPath(script), PurePosixPath(folder)
    return str(path.relative_to(parent)) if path.is_relative_to(parent) else str(path)


def unwrap(call: Any, *names: str) -> Call | None:
    """Return a value that is an object of one of the classes; None if it is not."""
    return call if isinstance(call, Call) and call.owner is None and call.name in names else None
