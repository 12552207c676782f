"""The channels of a training job: selects, orders and provides each instance's objects."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

from moto.sagemaker.exceptions import ValidationError

from local.sagemaker.objects import Entry, ObjectError, Objects
from local.sagemaker.pipes import Pipe, decompress, wrap_record
from local.sagemaker.resources import Json

_TYPES = ("S3Prefix", "ManifestFile", "AugmentedManifestFile")


class Channel:
    """One channel.

    Parameters
    ----------
    settings
        The channel in the request.
    default_mode
        The job's TrainingInputMode.
    """

    def __init__(self, settings: Json, default_mode: str) -> None:
        self._settings = settings
        self.name: str = settings["ChannelName"]
        self._mode: str = settings.get("InputMode") or default_mode

    def check(self) -> None:
        """Raise ValidationError if the channel is invalid or unsupported."""
        source = self._settings["DataSource"].get("S3DataSource")
        if not source:
            raise ValidationError(message=f"local/ reads channels only from S3; {self.name} has another source.")
        if source["S3DataType"] not in _TYPES:
            raise ValidationError(
                message=f"local/ does not support the S3DataType {source['S3DataType']} ({self.name})."
            )
        if self._mode == "Pipe":
            return
        given = [
            name for name in ("CompressionType", "RecordWrapperType") if (self._settings.get(name) or "None") != "None"
        ]
        if source["S3DataType"] == "AugmentedManifestFile":
            given.append("AugmentedManifestFile")
        if given:
            raise ValidationError(message=f"{given[0]} of channel {self.name} needs the input mode Pipe.")

    def describe(self) -> Json:
        """The channel's entry in inputdataconfig.json."""
        return {
            "TrainingInputMode": self._mode,
            "S3DistributionType": self._source.get("S3DataDistributionType") or "FullyReplicated",
            "ContentType": self._settings.get("ContentType"),
            "RecordWrapperType": self._settings.get("RecordWrapperType") or "None",
        }

    def open(self, objects: Objects, data: Path, part: tuple[int, int]) -> Pipe | None:
        """Download the objects to the channel's folder, or create its pipe.

        Parameters
        ----------
        data
            The folder of all channels.
        part
            The index of this instance, from 0, and the number of instances.
        """
        if not self._list(objects):
            raise ObjectError(
                f'No S3 objects found under S3 URL "{self._source["S3Uri"]}" given in input data source of channel '
                f"{self.name}."
            )
        seed = (self._settings.get("ShuffleConfig") or {}).get("Seed")
        shuffle = None if seed is None else random.Random(seed)
        if self._mode == "Pipe":
            return Pipe(data / self.name, lambda: self._read_epoch(objects, shuffle, part))
        folder = data / self.name
        folder.mkdir()
        objects.fetch_into(folder, self._choose(objects, shuffle, part))
        return None

    @property
    def _source(self) -> Json:
        source: Json = self._settings["DataSource"]["S3DataSource"]
        return source

    def _list(self, objects: Objects) -> list[Entry]:
        uri = self._source["S3Uri"]
        if self._source["S3DataType"] == "ManifestFile":
            return objects.read_manifest(uri)
        if self._source["S3DataType"] == "AugmentedManifestFile":
            lines = objects.read(uri).decode().splitlines()
            return [Entry(uri, line) for line in lines if line.strip()]
        return objects.list_prefix(uri)

    def _choose(self, objects: Objects, shuffle: random.Random | None, part: tuple[int, int]) -> list[Entry]:
        entries = self._list(objects)
        if shuffle:
            shuffle.shuffle(entries)
        is_sharded = self._source.get("S3DataDistributionType") == "ShardedByS3Key"
        return entries[part[0] :: part[1]] if is_sharded else entries

    def _read_epoch(self, objects: Objects, shuffle: random.Random | None, part: tuple[int, int]) -> Iterator[bytes]:
        """The records of one epoch; every instance shuffles alike."""
        wrap = wrap_record if self._settings.get("RecordWrapperType") == "RecordIO" else bytes
        unpack = decompress if self._settings.get("CompressionType") == "Gzip" else bytes
        for entry in self._choose(objects, shuffle, part):
            if self._source["S3DataType"] != "AugmentedManifestFile":
                yield wrap(unpack(objects.read(entry.uri)))
                continue
            line = json.loads(entry.name)
            for name in self._source["AttributeNames"]:
                is_reference = name.endswith("-ref")
                yield wrap(objects.read(line[name]) if is_reference else json.dumps(line[name]).encode())


def read(request: Json) -> list[Channel]:
    """The channels of a CreateTrainingJob request."""
    default = request["AlgorithmSpecification"].get("TrainingInputMode") or "File"
    return [Channel(channel, default) for channel in request.get("InputDataConfig") or []]
