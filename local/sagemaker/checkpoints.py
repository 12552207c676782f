"""Checkpoints of a training job: downloaded from S3 before it, and uploaded while it runs."""

from pathlib import Path

from local.sagemaker.objects import Objects
from local.sagemaker.resources import CONTAINER_BASE, Json
from local.sagemaker.uploads import Upload

DEFAULT_PATH = f"{CONTAINER_BASE}checkpoints"


class Checkpoints(Upload):
    """The checkpoint folder of one container, and its copy in S3.

    Parameters
    ----------
    settings
        The job's CheckpointConfig.
    objects
        S3 in the job's role.
    base
        The folder that represents /opt/ml.
    """

    def __init__(self, settings: Json, objects: Objects, base: Path) -> None:
        path = (settings.get("LocalPath") or DEFAULT_PATH).removeprefix(CONTAINER_BASE)
        super().__init__(base / path, settings["S3Uri"], objects)

    def fetch(self) -> None:
        """Download the checkpoints of an earlier job, if any."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._objects.fetch_into(self._folder, self._objects.list_prefix(f"{self._uri}/"))
        self._stored = self._list_files()
