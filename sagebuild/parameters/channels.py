"""The channels of a training: data in S3, or in a file system."""

# The names are those of parameter documents and of AWS.
# ruff: noqa: N815

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from sagebuild.parameters.groups import MetricName, S3Address, StrictModel, refuse_object
from sagebuild.parameters.instances import GroupName
from sagebuild.parameters.kinds import Choice, WholeNumber
from sagebuild.parameters.step_options import OutputOfJob
from sagebuild.parameters.text_kinds import Text

Mode = Literal["File", "Pipe", "FastFile"]
DataType = Literal["S3Prefix", "ManifestFile", "AugmentedManifestFile"]
Distribution = Literal["FullyReplicated", "ShardedByS3Key"]
Compression = Literal["None", "Gzip"]
RecordWrapper = Literal["None", "RecordIO"]
FileSystemType = Literal["EFS", "FSxLustre"]
FileSystemAccess = Literal["ro", "rw"]
PLACES = ("path", "uri", "output", "filesystem")  # a channel has one of them


class FileSystem(StrictModel):
    """A folder of a file system, which the training mounts.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_FileSystemDataSource.html
    """

    id: Annotated[str, Text("a file system's id such as fs-0123456789abcdef0", r"fs-[0-9a-f]{8,}", 21)] = Field(
        description="Id of the file system."
    )
    type: Annotated[FileSystemType, Choice(FileSystemType)] = Field(description="Kind of the file system.")
    directory: Annotated[str, Text("an absolute path such as /data/train", r"/.*", 4096)] = Field(
        description="Path of the folder. For FSxLustre, it begins with the file system's mount name."
    )
    access: Annotated[FileSystemAccess, Choice(FileSystemAccess)] = Field(
        default="ro", description="Whether the training may only read the folder (ro) or also write to it (rw)."
    )

    def __str__(self) -> str:
        return f"{self.id}:{self.directory}"


class Shuffle(StrictModel):
    """Shuffles the objects of a channel before each epoch."""

    Seed: Annotated[int, WholeNumber(0, 2**63 - 1)] = Field(description="Seed of the random order.")


class Spread(Choice):
    """A distribution by name, or as a boolean like in aws-sagemaker-build: true shards the data."""

    def read(self, value: Any) -> str:
        if isinstance(value, bool):
            return "ShardedByS3Key" if value else "FullyReplicated"
        return super().read(value)


class Channel(StrictModel):
    """One channel of training data: a place in S3 that the container sees as a folder with the channel's name.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Channel.html
    """

    path: Annotated[str | None, Text("a key prefix in the data bucket such as train/", r"/?[^\s:/][^:]*")] = Field(
        default=None, description="Key prefix in the stack's data bucket."
    )
    uri: Annotated[str | None, S3Address] = Field(default=None, description="S3 address, instead of path.")
    output: Annotated[str | None, OutputOfJob] = Field(
        default=None, description="Output of a processing job, such as split.train, instead of path or uri."
    )
    filesystem: FileSystem | None = Field(
        default=None, description="Folder of a file system, instead of path or uri. It needs subnets."
    )
    type: Annotated[DataType, Choice(DataType)] = Field(
        default="S3Prefix",
        description="Kind of object at the address: data with that prefix, a manifest or an augmented manifest.",
    )
    dist: Annotated[Distribution, Spread(Distribution)] = Field(
        default="FullyReplicated", description="Whether each training instance gets all data or a shard of it."
    )
    contentType: Annotated[str | None, Text("a MIME type such as text/csv", r"[^\s].*", 256)] = Field(
        default=None,
        description="MIME type of the data.",
    )
    InputMode: Annotated[Mode | None, Choice(Mode)] = Field(
        default=None, description="How the container gets the data. Default: the document's inputmode."
    )
    CompressionType: Annotated[Compression, Choice(Compression)] = Field(
        default="None", description="Compression of the data; for mode Pipe only."
    )
    RecordWrapperType: Annotated[RecordWrapper, Choice(RecordWrapper)] = Field(
        default="None", description="RecordIO wraps each object as a record, for algorithms that need it."
    )
    AttributeNames: tuple[Annotated[str, MetricName], ...] = Field(
        default=(), max_length=16, description="Attributes to read from each line of an AugmentedManifestFile."
    )
    ShuffleConfig: Shuffle | None = Field(default=None, description="Shuffles the objects before each epoch.")
    instancegroups: tuple[Annotated[str, GroupName], ...] = Field(
        default=(), max_length=5, description="Instance groups that get the data. Default: all."
    )

    @model_validator(mode="after")
    def _check_file_system(self) -> "Channel":
        if self.filesystem and (others := self.model_fields_set - {"filesystem", "contentType", "InputMode"}):
            raise refuse_object(
                f"has filesystem and {', '.join(sorted(others))}, which are for data in S3; give either"
            )
        if self.filesystem and self.InputMode not in (None, "File"):
            raise refuse_object(f"has filesystem and InputMode {self.InputMode}; a file system needs InputMode File")
        return self

    @model_validator(mode="after")
    def _check_place(self) -> "Channel":
        if self.filesystem:
            return self
        given = [name for name in ("path", "uri", "output") if getattr(self, name) is not None]
        if len(given) != 1:
            raise refuse_object(f"has {' and '.join(given)}; give one" if given else "needs path, uri or output")
        return self

    @model_validator(mode="after")
    def _check_attributes(self) -> "Channel":
        if (self.type == "AugmentedManifestFile") != bool(self.AttributeNames):
            raise refuse_object("has only one of AttributeNames and type AugmentedManifestFile; give both or neither")
        return self
