"""Container images that were made here: the files that a Dockerfile copies, and how they are run."""

import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

_FACTS, _FILES = "image.json", "files"


@dataclass
class Image:
    """What a Dockerfile says of how its image runs.

    Parameters
    ----------
    base
        The image that it begins with, of which nothing is here.
    environment, workdir, entrypoint, command
        What ENV, WORKDIR, ENTRYPOINT and CMD set.
    docker_id
        The image's id in this machine's Docker, if that has made it; its files are there.
    """

    base: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    docker_id: str = ""


@dataclass(frozen=True)
class StoredImage:
    """An image and the folder that holds it."""

    image: Image
    folder: Path

    @property
    def files(self) -> Path:
        """What stands for the root of the container's disk."""
        return self.folder / _FILES

    def locate(self, path: str) -> str:
        """A path of the container as it is on this machine; one of which the image has nothing stays as it is."""
        inside = self.files / path.lstrip("/")
        return str(inside) if path.startswith("/") and path != "/" and inside.exists() else path

    def run_environment(self) -> dict[str, str]:
        """The environment of a process of this image.

        Its programs are found before this machine's, whose Python stands for the image's own.
        """
        variables = {
            name: ":".join(map(self.locate, value.split(":"))) for name, value in self.image.environment.items()
        }
        folders = self.image.environment.get("PATH", os.defpath).split(":")
        own = [self.locate(folder) for folder in folders if self.locate(folder) != folder]
        return variables | {"PATH": ":".join([*own, str(Path(sys.executable).parent), os.defpath])}

    def run_command(self, argument: str) -> list[str]:
        """The command line of ``docker run <image> <argument>``."""
        return [self.locate(part) for part in (*self.image.entrypoint, argument)]

    @property
    def run_folder(self) -> Path:
        """Where its processes start."""
        folder = self.files / self.image.workdir.lstrip("/")
        return folder if folder.is_dir() else self.files


def create(folder: Path) -> Path:
    """An empty folder for an image; returns where its files belong."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / _FILES).mkdir(parents=True)
    return folder / _FILES


def save(image: Image, folder: Path) -> None:
    """Complete an image's folder."""
    (folder / _FACTS).write_text(json.dumps(asdict(image), indent=2))


def load(folder: Path) -> StoredImage | None:
    """The image that a folder holds, if it does."""
    facts = folder / _FACTS
    return StoredImage(Image(**json.loads(facts.read_text())), folder) if facts.is_file() else None


def folder_of(images: Path, digest: str) -> Path:
    """Where an image of this digest, ``sha256:...``, is kept below the folder of all images."""
    return images / digest.removeprefix("sha256:")
