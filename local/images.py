"""Container images built here: their files and their settings."""

import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

_FACTS, _FILES = "image.json", "files"


@dataclass
class Image:
    """The settings of an image.

    Parameters
    ----------
    base
        The base image; its files are not available here.
    environment, workdir, entrypoint, command
        The values of ENV, WORKDIR, ENTRYPOINT and CMD.
    docker_id
        The image's id if this machine's Docker built it, which then holds its files.
    """

    base: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    docker_id: str = ""


@dataclass(frozen=True)
class StoredImage:
    """An image and its folder."""

    image: Image
    folder: Path

    @property
    def files(self) -> Path:
        """The folder that represents the root of the container's disk."""
        return self.folder / _FILES

    def locate(self, path: str) -> str:
        """A path of the container as a path of this machine; unchanged when the image has no such file."""
        inside = self.files / path.lstrip("/")
        return str(inside) if path.startswith("/") and path != "/" and inside.exists() else path

    def run_environment(self) -> dict[str, str]:
        """The environment of a process of this image.

        PATH has the image's programs first, then this machine's Python, which represents the image's.
        """
        variables = {
            name: ":".join(map(self.locate, value.split(":"))) for name, value in self.image.environment.items()
        }
        folders = self.image.environment.get("PATH", os.defpath).split(":")
        in_image = [self.locate(folder) for folder in folders if self.locate(folder) != folder]
        return variables | {"PATH": ":".join([*in_image, str(Path(sys.executable).parent), os.defpath])}

    def run_command(self, argument: str) -> list[str]:
        """The command line of ``docker run <image> <argument>``."""
        return [self.locate(part) for part in (*self.image.entrypoint, argument)]

    def default_command(self, arguments: list[str] | None) -> list[str]:
        """The command line of ``docker run <image>``, with these arguments instead of the image's CMD."""
        return [*self.image.entrypoint, *(self.image.command if arguments is None else arguments)]

    @property
    def run_folder(self) -> Path:
        """The working directory of its processes."""
        folder = self.files / self.image.workdir.lstrip("/")
        return folder if folder.is_dir() else self.files


def create(folder: Path) -> Path:
    """Make an empty folder for an image; return the folder for its files."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / _FILES).mkdir(parents=True)
    return folder / _FILES


def save(image: Image, folder: Path) -> None:
    """Write an image's settings into its folder."""
    (folder / _FACTS).write_text(json.dumps(asdict(image), indent=2))


def load(folder: Path) -> StoredImage | None:
    """The image in a folder, or None."""
    facts = folder / _FACTS
    return StoredImage(Image(**json.loads(facts.read_text())), folder) if facts.is_file() else None


def folder_of(images: Path, digest: str) -> Path:
    """The folder of the image with this digest, ``sha256:...``, in the folder of all images."""
    return images / digest.removeprefix("sha256:")
