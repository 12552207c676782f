"""The files that were trained and approved are the files that are deployed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagebuild.builds.records import BuildRecord, Trigger, read_build, update_build
from sagebuild.deadline import Deadline
from sagebuild.errors import BuildNotFoundError, ModelChangedError, ModelTooLargeError, PreflightError
from sagebuild.launch.start import launch_build
from sagebuild.names import key_hub_model, key_model_folder, name_resource
from sagebuild.running.model_files import delete_copies
from sagebuild.steps import model_copies
from sagebuild.steps.copy_time import choose_level
from sagebuild.steps.model_copies import copy_model
from sagebuild.steps.verification import verify_models
from tests.functional.conftest import STACK, Stack
from tests.local.sagemaker_world import pack, unpack

MODELS = f"{STACK}-model"
TRAINED = f"s3://{MODELS}/builds/job/output/model.tar.gz"
Json = dict[str, Any]


@dataclass
class Calls:
    """The S3 calls that were made, by operation."""

    made: dict[str, list[Json]] = field(default_factory=dict)

    def record(self, params: Json, model: Any, **_: Any) -> None:
        """Keep one call."""
        self.made.setdefault(model.name, []).append(dict(params))


@pytest.fixture
def build(stack: Stack) -> int:
    """A running build with a trained model."""
    number = launch_build(stack.service, Trigger("command")).number
    assert number
    update_build(stack.service, number, status="running")
    write(stack, TRAINED, b"trained")
    return number


@pytest.fixture
def calls(stack: Stack) -> Iterator[Calls]:
    calls, events = Calls(), stack.service.s3.meta.events
    events.register("before-parameter-build.s3", calls.record)
    yield calls
    events.unregister("before-parameter-build.s3", calls.record)


def write(stack: Stack, uri: str, body: bytes) -> None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    stack.service.s3.put_object(Bucket=bucket, Key=key, Body=body)


def read(stack: Stack, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return stack.service.s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def list_models(stack: Stack) -> list[str]:
    found = stack.service.s3.list_objects_v2(Bucket=MODELS, Prefix="models/")
    return [each["Key"] for each in found.get("Contents", [])]


def copy(stack: Stack, number: int, *containers: Json, packing: Json | None = None) -> Json:
    parts: Json = {"Containers": [*containers, {"Image": "last"}]} if containers else {"PrimaryContainer": {}}
    model = {"ModelName": name_resource(stack.service, number), **parts}
    request = {"number": number, "model": model, "artifacts": TRAINED, "packing": packing or {}}
    return copy_model(stack.service, request, deadline=Deadline(840))


def verify(stack: Stack, number: int) -> BuildRecord:
    verify_models(stack.service, [name_resource(stack.service, number)])
    return read_build(stack.service, number)


def test_the_model_serves_a_copy_that_the_record_describes(stack: Stack, build: int, calls: Calls) -> None:
    answer = copy(stack, build)
    target = f"s3://{MODELS}/{key_model_folder(stack.service, build)}0/model.tar.gz"
    assert answer["artifacts"] == answer["model"]["PrimaryContainer"]["ModelDataUrl"] == target
    assert read(stack, target) == b"trained"
    record = verify(stack, build)
    etag = stack.service.s3.head_object(Bucket=MODELS, Key=key_model_folder(stack.service, build) + "0/model.tar.gz")
    assert record.model_files == [{"uri": target, "etag": etag["ETag"].strip('"'), "bytes": 7}]
    (request,) = calls.made["CopyObject"]
    assert request["CopySourceIfMatch"] == f'"{record.artifacts_etag}"'
    assert copy(stack, build) == answer  # a retry
    assert verify(stack, build) == record


def test_a_large_model_is_copied_in_parts_of_the_same_version(
    stack: Stack, build: int, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_copies, "PART_BYTES", 5 * 2**20)  # the least that S3 takes
    weights = bytes(11 * 2**20)
    write(stack, TRAINED, weights)
    answer = copy(stack, build)
    assert read(stack, answer["artifacts"]) == weights
    assert {part["CopySourceIfMatch"] for part in calls.made["UploadPartCopy"]} == {
        f'"{read_build(stack.service, build).artifacts_etag}"'
    }
    verify(stack, build)


def test_the_script_is_packed_into_the_copy(stack: Stack, build: int) -> None:
    write(stack, TRAINED, pack({"weights": "w"}))
    write(stack, f"s3://{STACK}-code/source.tar.gz", pack({"serve.py": "s"}))
    answer = copy(stack, build, packing={"source": f"s3://{STACK}-code/source.tar.gz"})
    assert unpack(read(stack, answer["artifacts"])) == {"weights": b"w", "code/serve.py": b"s"}
    verify(stack, build)


def test_the_copy_is_encrypted_with_the_key_of_the_output(stack: Stack, build: int, calls: Calls) -> None:
    copy(stack, build, packing={"key": "alias/results"})
    assert calls.made["CopyObject"][0]["SSEKMSKeyId"] == "alias/results"


def test_the_files_of_all_containers_are_copied(stack: Stack, build: int) -> None:
    for name, body in (("first.tar.gz", b"1"), ("parts/a", b"a"), ("parts/sub/b", b"b"), ("adapter", b"c")):
        write(stack, f"s3://{STACK}-data/{name}", body)
    sources = [
        {"S3DataSource": {"S3Uri": f"s3://{STACK}-data/adapter", "S3DataType": "S3Object", "CompressionType": "None"}}
    ]
    folder = {"S3Uri": f"s3://{STACK}-data/parts/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    answer = copy(
        stack,
        build,
        {"Image": "one", "ModelDataUrl": f"s3://{STACK}-data/first.tar.gz"},
        {"Image": "two", "ModelDataSource": {"S3DataSource": folder}, "AdditionalModelDataSources": sources},
        {"Image": "three", "ModelDataUrl": f"s3://{STACK}-data/many/", "Mode": "MultiModel"},
    )
    one, two, three, last = answer["model"]["Containers"]
    own = f"s3://{MODELS}/{key_model_folder(stack.service, build)}"
    assert one["ModelDataUrl"] == f"{own}0/first.tar.gz"
    assert two["ModelDataSource"]["S3DataSource"]["S3Uri"] == f"{own}1/data-0/"
    assert two["AdditionalModelDataSources"][0]["S3DataSource"]["S3Uri"] == f"{own}1/data-1/adapter"
    assert last["ModelDataUrl"] == answer["artifacts"] == f"{own}3/model.tar.gz"
    assert three["ModelDataUrl"] == f"s3://{STACK}-data/many/"
    record = verify(stack, build)
    assert "not copied and not verified: you may add models to it at any time" in record.notes[0]
    files = {each["uri"].removeprefix(own): read(stack, each["uri"]) for each in record.model_files}
    assert files == {
        "0/first.tar.gz": b"1",
        "1/data-0/a": b"a",
        "1/data-0/sub/b": b"b",
        "1/data-1/adapter": b"c",
        "3/model.tar.gz": b"trained",
    }


def test_a_model_from_the_hub_is_served_from_the_folder_to_which_the_build_fetched_it(
    stack: Stack, build: int, calls: Calls
) -> None:
    folder = f"s3://{MODELS}/{key_hub_model(stack.service, build)}"
    model = {"ModelName": name_resource(stack.service, build), "PrimaryContainer": {}}
    request = {"number": build, "model": model, "artifacts": folder, "packing": {}}
    with pytest.raises(PreflightError, match="Could not find model data"):
        copy_model(stack.service, request, deadline=Deadline(840))
    write(stack, f"{folder}config.json", b"{}")
    copied = copy_model(stack.service, request, deadline=Deadline(840))
    assert copied["artifacts"] == folder
    assert copied["model"]["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]["S3Uri"] == folder
    assert "CopyObject" not in calls.made
    assert [each["uri"] for each in verify(stack, build).model_files] == [f"{folder}config.json"]
    delete_copies(stack.service, build)
    assert list_models(stack) == []


def test_a_model_that_changed_after_its_training_is_not_copied(stack: Stack, build: int) -> None:
    copy(stack, build)
    etag = read_build(stack.service, build).artifacts_etag
    write(stack, TRAINED, b"another")
    with pytest.raises(ModelChangedError, match=f"{TRAINED} changed after its training: its ETag was {etag}, and is"):
        copy(stack, build)


def test_a_model_that_changes_during_the_copy_is_refused(stack: Stack, build: int) -> None:
    events = stack.service.s3.meta.events
    changed: list[bool] = []

    def change(**_: Any) -> None:
        if not changed:
            changed.append(True)
            write(stack, TRAINED, b"another")

    events.register("before-parameter-build.s3.HeadObject", change)  # the first call of a copy
    try:
        with pytest.raises(ModelChangedError, match="changed while it was copied; start a new build"):
            copy(stack, build)
    finally:
        events.unregister("before-parameter-build.s3.HeadObject", change)


def test_a_missing_model_is_named(stack: Stack, build: int) -> None:
    write(stack, f"{TRAINED}.more", b"a longer name")
    stack.service.s3.delete_object(Bucket=MODELS, Key="builds/job/output/model.tar.gz")
    with pytest.raises(PreflightError, match=f"Could not find model data at {TRAINED}"):
        copy(stack, build)


@pytest.mark.parametrize(("status", "left"), [("stopped", 0), ("succeeded", 1)])
def test_a_build_that_ends_during_the_copy_keeps_the_copies_of_a_deployed_model(
    stack: Stack, build: int, status: str, left: int
) -> None:
    events = stack.service.s3.meta.events

    def end(**_: Any) -> None:
        update_build(stack.service, build, ended_at="2026-01-01T00:00:00+00:00", status=status)

    events.register("before-parameter-build.s3.CopyObject", end)
    try:
        with pytest.raises(BuildNotFoundError, match=f"Build {build} has ended"):
            copy(stack, build)
    finally:
        events.unregister("before-parameter-build.s3.CopyObject", end)
    assert len(list_models(stack)) == left
    with pytest.raises(BuildNotFoundError):
        copy(stack, build)  # a late call
    assert len(list_models(stack)) == left


@pytest.mark.parametrize(
    ("change", "recorded", "found"),
    [
        ("overwritten", "7 bytes with the ETag", "9 bytes with the ETag"),
        ("deleted", "7 bytes with the ETag", "no such file"),
        ("added", "no such file", "9 bytes with the ETag"),
    ],
)
def test_a_changed_copy_is_named(stack: Stack, build: int, change: str, recorded: str, found: str) -> None:
    target = copy(stack, build)["artifacts"]
    if change == "deleted":
        delete_copies(stack.service, build)
    else:
        write(stack, target + (".more" if change == "added" else ""), b"different")
    with pytest.raises(ModelChangedError) as error:
        verify(stack, build)
    text = str(error.value)
    assert target in text
    assert f"the build recorded {recorded}" in text
    assert f"S3 has {found}" in text
    assert text.endswith("start a new build.")


def test_a_copy_of_the_same_size_but_other_content_is_refused(stack: Stack, build: int) -> None:
    write(stack, copy(stack, build)["artifacts"], b"dentria")
    with pytest.raises(ModelChangedError):
        verify(stack, build)


def test_models_without_a_record_of_files_are_not_verified(stack: Stack, build: int) -> None:
    verify_models(stack.service, ["their-own", name_resource(stack.service, build)])
    fraud = stack.service.for_pipeline("fraud")
    with pytest.raises(BuildNotFoundError, match="There is no build 7 in sagebuild-test/fraud"):
        verify_models(stack.service, [name_resource(fraud, 7)])


def test_the_copies_of_another_build_and_uploads_stay(stack: Stack, build: int) -> None:
    kept = [f"models/{name_resource(stack.service, 1)}0/x", f"models/{name_resource(stack.service, 1)}-abc.tar.gz"]
    for key in kept:
        write(stack, f"s3://{MODELS}/{key}", b"kept")
    copy(stack, build)
    delete_copies(stack.service, build)
    assert list_models(stack) == sorted(kept)
    with pytest.raises(ClientError):
        read(stack, f"s3://{MODELS}/{key_model_folder(stack.service, build)}0/model.tar.gz")


@pytest.mark.parametrize("packs", [True, False])
def test_a_copy_that_takes_too_long_ends_before_the_function_with_the_reason(
    stack: Stack, build: int, packs: bool
) -> None:
    write(stack, TRAINED, pack({"weights": "w"}))
    write(stack, f"s3://{STACK}-code/source.tar.gz", pack({"serve.py": "s"}))
    model = {"ModelName": name_resource(stack.service, build), "PrimaryContainer": {}}
    packing = {"source": f"s3://{STACK}-code/source.tar.gz"} if packs else {}
    request = {"number": build, "model": model, "artifacts": TRAINED, "packing": packing}
    with pytest.raises(
        ModelTooLargeError, match=f"^Pack Model did not copy {TRAINED} within 14 minutes. Start a build"
    ):
        copy_model(stack.service, request, deadline=Deadline(0))


@pytest.mark.parametrize(("size", "level"), [(10**9, 1), (10**10, 0)])
def test_a_large_archive_is_not_compressed_again(size: int, level: int) -> None:
    assert choose_level(size) == level
