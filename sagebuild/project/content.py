"""What a project brings to a stack: the parameter document, the source archive, and the data of channels and jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from sagebuild.client.archives import find_folders, pack_files, write_zip
from sagebuild.client.files import Listing, list_files
from sagebuild.client.sources import DOCKERFILE
from sagebuild.errors import InputError, ParameterError, ProjectFileError
from sagebuild.images.byod import list_images_to_build
from sagebuild.parameters import BuildParameters, ByodParameters, parse_parameters
from sagebuild.parameters.json_text import format_document
from sagebuild.project.data_places import DataPlace, list_places
from sagebuild.project.file import Definition, Problem, ProjectData
from sagebuild.project.folder_objects import FolderObject, Place
from sagebuild.project.template import find_template_problem
from sagebuild.s3_uri import split_s3_uri
from sagebuild.service import Service

_CREATED = "created-by-script"  # the name of a file that a script has not created yet


@dataclass(frozen=True)
class Archive:
    """The source archive, whose name contains a hash of the files.

    Parameters
    ----------
    parameter
        The parameter that names the archive.
    """

    name: str
    parameter: str
    listing: Listing
    is_zip: bool

    @cached_property
    def content(self) -> bytes:
        """The packed files; the same files give the same bytes."""
        if not self.is_zip:
            return pack_files(self.listing.files)
        buffer = BytesIO()
        write_zip(self.listing.files, buffer)
        return buffer.getvalue()


@dataclass(frozen=True)
class InputData:
    """The data for one place of a build, and where it is uploaded.

    Parameters
    ----------
    place
        What reads the data: a channel, an input of a job, or the batch transform.
    files
        Each file and its key in the bucket; empty if the script has not created them yet.
    """

    place: DataPlace
    bucket: str
    prefix: str
    source: ProjectData
    files: Sequence[tuple[Path, str]]

    @property
    def is_created(self) -> bool:
        """False when the project's script has yet to create the files."""
        return bool(self.files)


@dataclass(frozen=True)
class Content:
    """A project, ready for one pipeline of a stack."""

    definition: Definition
    service: Service
    document: dict[str, Any]
    parameters: BuildParameters
    archive: Archive | None = None
    data: Sequence[InputData] = ()

    @property
    def text(self) -> str:
        """The document as the text that SSM stores."""
        return format_document(self.document)

    @property
    def archive_place(self) -> Place | None:
        """The bucket and key of the archive."""
        if self.archive is None:
            return None
        return self.service.settings.code_bucket, f"{self.service.folder}{self.archive.name}"

    def list_objects(self) -> dict[Place, FolderObject]:
        """Return the objects that the project brings, by bucket and key."""
        objects: dict[Place, FolderObject] = {}
        if self.archive and (place := self.archive_place):
            archive = self.archive
            objects[place] = FolderObject(len(archive.content), lambda: archive.content)
        for each in self.data:
            for path, key in each.files:
                objects[each.bucket, key] = FolderObject(path.stat().st_size, path.read_bytes)
            if not each.is_created:
                objects[each.bucket, f"{each.prefix}{_CREATED}"] = FolderObject(1, bytes)
        return objects

    def find_missing_data(self) -> list[DataPlace]:
        """Return the places in S3 for which neither the project nor a processing job brings data."""
        brought = tuple(f"s3://{each.bucket}/{each.prefix}" for each in self.data)
        places = list_places(self.service, self.parameters).values()
        return [
            place
            for place in places
            if place.address.startswith("s3://")
            and not place.is_output
            and not f"{place.address.rstrip('/')}/".startswith(brought)
        ]


def read_content(definition: Definition, service: Service) -> Content:
    """Read what a project brings to a pipeline.

    Raises
    ------
    ProjectFileError
        The parameters are invalid, or files are missing; with a problem for each.
    """
    problems: list[Problem] = []
    archive = _read_archive(definition, problems)
    document = dict(definition.content.parameters)
    if archive:
        document[archive.parameter] = archive.name
    try:
        parameters = parse_parameters(document)
        format_document(document)  # refuses what is too large to store
    except ParameterError as error:
        problems += [_locate(definition, sentence) for sentence in str(error).splitlines()]
        raise ProjectFileError(problems) from None
    if archive and not hasattr(parameters, archive.parameter):
        line = definition.find_line("source")
        problems.append(Problem(f"Framework {parameters.framework} has no script; remove source.", line))
    problems += _find_docker_problems(definition, parameters, archive)
    problems += filter(None, [find_template_problem(definition)])
    data = list(_read_data(definition, service, parameters, problems))
    if problems:
        raise ProjectFileError(problems)
    return Content(definition, service, document, parameters, archive, data)


def _read_archive(definition: Definition, problems: list[Problem]) -> Archive | None:
    source = definition.content.source
    if source is None:
        return None
    framework = str(definition.content.parameters.get("framework", "")).strip().upper()
    is_zip = framework == "BYOD"
    line = definition.find_line("source")
    folder = definition.folder / source
    if not folder.is_dir():
        problems.append(Problem(f"source is {source}, and there is no such folder; create it, or correct it.", line))
        return None
    try:
        listing = list_files(folder, keep=(".dockerignore",) if is_zip else (), inside=definition.folder)
    except InputError as error:
        problems.append(Problem(f"source is {source}: {error}", line))
        return None
    if not listing.files:
        problems.append(Problem(f"source is {source}, which contains no files; put the scripts there.", line))
        return None
    suffix, parameter = (".zip", "sourcelocation") if is_zip else (".tar.gz", "trainsourcefile")
    stem = re.sub(r"[^\w.-]+", "-", definition.name) or "project"
    return Archive(f"{stem}-{_hash_files(listing)}{suffix}", parameter, listing, is_zip)


def _hash_files(listing: Listing) -> str:
    """Return a hash of the files, not of the archive: versions of zlib compress differently."""
    digest = sha256()
    for path, name in listing.files:
        mode = "x" if path.stat().st_mode & 0o100 else "-"
        digest.update(f"{name}\0{mode}\0{sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:12]


def _find_docker_problems(
    definition: Definition, parameters: BuildParameters, archive: Archive | None
) -> Iterator[Problem]:
    """Yield a problem for each Dockerfile that the source lacks."""
    if not archive or not isinstance(parameters, ByodParameters):
        return
    folders = find_folders((name for _, name in archive.listing.files), DOCKERFILE)
    for scope in list_images_to_build(parameters):
        name = f"dockerfile_path_{scope.title()}"
        wanted = getattr(parameters, name)
        if wanted.strip("/") not in folders:
            found = ", ".join(folders) or "no folder"
            line = definition.find_line("parameters", name)
            yield Problem(f"{name} is {wanted}, which has no {DOCKERFILE} in the source; {found} has one.", line)


def _read_data(
    definition: Definition, service: Service, parameters: BuildParameters, problems: list[Problem]
) -> Iterator[InputData]:
    places = list_places(service, parameters)
    for name, source in definition.content.data.items():
        line = definition.find_line("data", name)
        place = places.get(name)
        if place is None:
            known = ", ".join(places) or "none"
            problems.append(Problem(f"data.{name} is no data that a build reads; it can have {known}.", line))
            continue
        bucket, prefix = split_s3_uri(place.address) if place.address.startswith("s3://") else ("", "")
        if bucket != service.settings.data_bucket:
            sentence = f"{place.opening} reads {place.address}, not the data bucket; remove data.{name}."
            problems.append(Problem(sentence, line))
            continue
        try:
            files = list(_list_data(definition.folder, source, prefix.rstrip("/") + "/"))
        except InputError as error:
            if not source.script or (definition.folder / source.path).exists():
                problems.append(Problem(f"data.{name}: {error}", line))
                continue
            files = []
        if not files and not _find_script(definition, source):
            problems.append(Problem(f"data.{name}.script is {source.script}, and there is no such file.", line))
            continue
        yield InputData(place, bucket, prefix.rstrip("/") + "/", source, files)


def _find_script(definition: Definition, source: ProjectData) -> bool:
    return bool(source.script) and (definition.folder / str(source.script)).is_file()


def _list_data(folder: Path, source: ProjectData, prefix: str) -> Iterator[tuple[Path, str]]:
    path = folder / source.path
    listing = list_files(path, empty=False, broken_links=True, inside=folder)
    if not listing.files:
        raise InputError(f"{path} contains no files to upload.")
    for file, name in listing.files:
        yield file, f"{prefix}{name}"


def _locate(definition: Definition, sentence: str) -> Problem:
    """Return the problem of a parameter with its line: the sentence begins with the parameter's name."""
    return Problem(sentence, definition.find_line("parameters", *read_path(sentence)))


def read_path(sentence: str) -> list[str | int]:
    """Return the path of the parameter by whose name a sentence begins, such as processing[0].script."""
    named = re.match(r"'?([\w.\[\]]+)'?", sentence)
    parts = re.findall(r"\w+", named[1]) if named else []
    return [int(part) if part.isdigit() else part for part in parts]
