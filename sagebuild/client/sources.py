"""Reads source code for an upload: a script's folder with its dependencies, or the folder or zip of Dockerfiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from sagebuild.client.archives import find_folders, read_tar, read_zip, write_zip
from sagebuild.client.files import Listing, Skipped, list_files
from sagebuild.errors import InputError, SagebuildError
from sagebuild.parameters import ByodParameters
from sagebuild.parameters.json_text import read_leniently
from sagebuild.parameters.shown import show_name
from sagebuild.parameters.store import read_document
from sagebuild.service import Service

DOCKERFILE = "Dockerfile"
_DOCKER_FRAMEWORK = "BYOD"
# Hidden files that docker build reads: https://docs.docker.com/build/concepts/context/#dockerignore-files
_DOCKER_FILES = (".dockerignore",)
# Parts of a folder's name that tell the Dockerfiles of training and inference apart.
_SCOPES = {"Training": ("train",), "Inference": ("infer", "serv", "host")}


@dataclass
class Source:
    """The content of an archive to upload.

    Parameters
    ----------
    names
        The names of the files in the archive.
    files
        The files to pack; empty if ``path`` is an archive already.
    size
        The size of ``files`` in bytes.
    parameters
        The parameters to suggest; None stands for the archive's name.
    write
        Packs the files; default: into a tar.gz.
    """

    path: Path
    names: Sequence[str]
    files: Sequence[tuple[Path, str]] = ()
    size: int = 0
    skipped: Sequence[Skipped] = ()
    links: Sequence[str] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    is_docker: bool = False
    write: Callable[[Sequence[tuple[Path, str]], IO[bytes]], None] | None = None


def read_source(
    service: Service, path: Path, dependencies: Sequence[Path], *, docker: bool | None, hidden: bool
) -> Source:
    """Read and check a folder or archive with source code.

    Parameters
    ----------
    docker
        Whether it is the source of Dockerfiles; None: if it is a zip, if the document's framework is BYOD, or if it
        contains a Dockerfile and no Python file.

    Raises
    ------
    InputError
        It cannot be read, or lacks the script or Dockerfile; or dependencies do not fit.
    """
    document = _read_document(service)
    if path.is_file():
        if dependencies:
            raise InputError(f"Dependencies are packed with a folder, and {path} is an archive; add them to it.")
        is_zip = path.suffix.lower() == ".zip" if docker is None else docker
        source = Source(path, read_zip(path) if is_zip else _read_script_archive(path))
    else:
        if not path.is_dir():
            raise InputError(f"No such file or folder: {path}")
        listing = list_files(path, hidden=hidden, keep=_DOCKER_FILES)
        names = [name for _, name in listing.files]
        has_python = any(name.endswith(".py") for name in names)
        has_dockerfile = bool(find_folders(names, DOCKERFILE))
        is_zip = document.get("framework") == _DOCKER_FRAMEWORK or (has_dockerfile and not has_python)
        is_zip = is_zip if docker is None else docker
        _add_dependencies(listing, dependencies, hidden)
        names = [name for _, name in listing.files]
        source = Source(path, names, listing.files, listing.size, listing.skipped, listing.links)
    return _complete_docker_source(source, document) if is_zip else _complete_script_source(source)


def _complete_script_source(source: Source) -> Source:
    if not any(name.endswith((".py", ".sh")) for name in source.names):
        raise InputError(
            f"{source.path} contains no Python file; pass the folder that contains the training script, or its "
            "archive; for framework BYOD, the folder with the Dockerfile."
        )
    source.parameters = {"trainsourcefile": None}
    return source


def _complete_docker_source(source: Source, document: Mapping[str, Any]) -> Source:
    folders = find_folders(source.names, DOCKERFILE)
    if not folders:
        raise InputError(
            f"{source.path} contains no file named {DOCKERFILE}; pass the folder or zip that contains it. For a "
            "training script, set framework to that of the script."
        )
    source.is_docker, source.write = True, write_zip
    framework = {} if document.get("framework") == _DOCKER_FRAMEWORK else {"framework": _DOCKER_FRAMEWORK}
    paths, notes = {}, []
    for scope, parts in _SCOPES.items():
        name = f"dockerfile_path_{scope}"
        expected = document.get(name) or ByodParameters.model_fields[name].default
        found = [folder for folder in folders if any(part in folder.lower() for part in parts)]
        if expected in folders:
            continue
        if len(folders) == 1 or len(found) == 1:
            paths[name] = (found or folders)[0]
        else:
            notes.append(f"{name} is {expected}, which has no {DOCKERFILE}; it is in {', '.join(folders)}.")
    source.parameters, source.notes = framework | {"sourcelocation": None} | paths, notes
    return source


def _add_dependencies(listing: Listing, dependencies: Sequence[Path], hidden: bool) -> None:
    """Add files and folders beside the script, under their own names, as the SDK does with ``dependencies``.

    https://sagemaker.readthedocs.io/en/v2/api/training/estimators.html
    """
    for path in dependencies:
        top = path.resolve().name
        if any(name == top or name.startswith(f"{top}/") for _, name in listing.files):
            raise InputError(f"The dependency {path} would replace {show_name(top)} of the source; rename one of them.")
        found = list_files(path, hidden=hidden)
        if not found.files:
            raise InputError(f"The dependency {path} contains no files.")
        is_file = path.is_file()
        listing.files += [(file, top if is_file else f"{top}/{name}") for file, name in found.files]
        listing.skipped += [Skipped(f"{top}/{each.name}", each.reason) for each in found.skipped]
        listing.links += [f"{top}/{name}" for name in found.links]


def _read_script_archive(path: Path) -> list[str]:
    try:
        return read_tar(path)
    except InputError as error:
        raise InputError(f"{error} Pass a .tar.gz, a .zip with Dockerfiles, or a folder.") from None


def _read_document(service: Service) -> Mapping[str, Any]:
    """Return the parameter document, with the stack's framework; empty if it cannot be read."""
    try:
        document = read_leniently(read_document(service))
    except SagebuildError:  # the upload works without it
        return {}
    return {"framework": service.settings.framework, **document}
