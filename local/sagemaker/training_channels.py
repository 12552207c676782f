"""The channels of a training job: which objects a machine gets of each, and in which order."""

import random
from pathlib import Path

from moto.sagemaker.exceptions import ValidationError

from local.sagemaker.objects import Entry, ObjectError, Objects
from local.sagemaker.resources import Json

_MODES = ("File", "FastFile")  # FastFile shows the same folder; that its files come late cannot be seen


class Channel:
    """One channel.

    Parameters
    ----------
    asked
        The channel of the request.
    default_mode
        The job's TrainingInputMode.
    """

    def __init__(self, asked: Json, default_mode: str) -> None:
        self._asked = asked
        self.name: str = asked["ChannelName"]
        self._mode: str = asked.get("InputMode") or default_mode

    def check(self) -> None:
        """Refuse by name what this engine does not do."""
        source = self._asked["DataSource"].get("S3DataSource")
        if self._mode not in _MODES:
            raise ValidationError(
                message=f"local/ does not support the input mode {self._mode}, which channel {self.name} asks for."
            )
        if not source:
            raise ValidationError(message=f"local/ reads channels from S3 only, unlike channel {self.name}.")
        if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
            raise ValidationError(
                message=f"local/ does not support the S3DataType {source['S3DataType']} ({self.name})."
            )
        for option in ("CompressionType", "RecordWrapperType"):
            if (self._asked.get(option) or "None") != "None":
                raise ValidationError(message=f"local/ does not support the {option} of channel {self.name}.")

    def describe(self) -> Json:
        """The channel's entry in inputdataconfig.json."""
        source = self._asked["DataSource"]["S3DataSource"]
        return {
            "TrainingInputMode": self._mode,
            "S3DistributionType": source.get("S3DataDistributionType") or "FullyReplicated",
            "ContentType": self._asked.get("ContentType"),
            "RecordWrapperType": "None",
        }

    def download(self, objects: Objects, data: Path, part: tuple[int, int]) -> None:
        """Make the channel's folder.

        Parameters
        ----------
        data
            The folder of all channels.
        part
            Of how many machines this is which, from 0.
        """
        folder = data / self.name
        folder.mkdir()
        objects.fetch_into(folder, self._choose(objects, *part))

    def _choose(self, objects: Objects, index: int, count: int) -> list[Entry]:
        source = self._asked["DataSource"]["S3DataSource"]
        uri = source["S3Uri"]
        entries = objects.read_manifest(uri) if source["S3DataType"] == "ManifestFile" else objects.list_prefix(uri)
        if not entries:
            raise ObjectError(
                f'No S3 objects found under S3 URL "{uri}" given in input data source of channel {self.name}.'
            )
        if shuffle := self._asked.get("ShuffleConfig"):
            random.Random(shuffle["Seed"]).shuffle(entries)
        return entries[index::count] if source.get("S3DataDistributionType") == "ShardedByS3Key" else entries


def read(request: Json) -> list[Channel]:
    """The channels of a CreateTrainingJob request."""
    default = request["AlgorithmSpecification"].get("TrainingInputMode") or "File"
    return [Channel(channel, default) for channel in request.get("InputDataConfig") or []]
