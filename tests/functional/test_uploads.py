"""Uploads to a stack in moto: what is packed, what is left out and named, what is refused, what is suggested."""

import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from sagebuild.client.archives import write_zip
from sagebuild.client.stack import Stack as Client
from sagebuild.errors import InputError
from sagebuild.parameters.store import write_document
from tests.engine import ROOT
from tests.functional.conftest import REGION, STACK, Stack

SCRIPT = {"framework": "SCIKIT", "trainentrypoint": "train.py", "trainsourcefile": "a.tar.gz"}


@pytest.fixture
def client(stack: Stack) -> Client:
    write_document(stack.service, SCRIPT, overwrite=True)
    return Client(stack.service, lambda name: boto3.client(name, region_name=REGION), {})  # type: ignore[call-overload]


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """A folder with files of these contents."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def read(client: Client, kind: str, key: str) -> bytes:
    return client.service.s3.get_object(Bucket=f"{STACK}-{kind}", Key=key)["Body"].read()


def list_keys(client: Client, kind: str) -> list[str]:
    found = client.service.s3.list_objects_v2(Bucket=f"{STACK}-{kind}")
    return [each["Key"] for each in found.get("Contents", [])]


def names_of(archive: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as content:
        return content.getnames()


def test_everything_that_data_lacks_is_named(client: Client, tmp_path: Path) -> None:
    data = write(tmp_path / "data", {"a.csv": "12", ".hidden": "1", "empty.csv": "", "b/c.csv": "3"})
    write(data, {"b_$folder$": "x"})
    (data / "nothing").mkdir()
    (data / "gone").symlink_to("absent")
    (data / "loop").symlink_to(data)
    os.mkfifo(data / "pipe")
    with pytest.warns(UserWarning, match=r"Left out \(hidden\): \.hidden"):
        upload = client.upload_data(data, progress=False)
    assert upload == f"s3://{STACK}-data/train/"
    assert {each.name: each.reason for each in upload.skipped} == {
        ".hidden": "hidden",
        "empty.csv": "empty",
        "b_$folder$": "folder marker",
        "nothing/": "empty folder",
        "gone": "cannot be read (No such file or directory)",
        "loop/": f"links to {data.resolve()}, which contains it",
        "pipe": "not a regular file",
    }
    assert (upload.file_count, upload.size, upload.size_text) == (2, 3, "2 files, 3 bytes")
    assert list_keys(client, "data") == ["train/a.csv", "train/b/c.csv"]


def test_an_empty_file_is_uploaded_when_it_is_named(client: Client, tmp_path: Path) -> None:
    """A trigger's last file, such as _READY, is empty."""
    assert client.upload_data(write(tmp_path, {"_READY": ""}) / "_READY", progress=False).size == 0
    assert list_keys(client, "data") == ["train/_READY"]


def test_a_linked_folder_is_packed_and_named(client: Client, tmp_path: Path) -> None:
    """https://github.com/aws/sagemaker-python-sdk/issues/2337: a linked package folder."""
    write(tmp_path / "shared_lib", {"init.py": "x = 1"})
    source = write(tmp_path / "source", {"train.py": "import shared_lib"})
    (source / "shared_lib").symlink_to("../shared_lib")
    with pytest.warns(UserWarning, match="Links that were followed: shared_lib/"):
        client.upload_source(source)
    assert names_of(read(client, "code", "source.tar.gz")) == ["shared_lib/init.py", "train.py"]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_hidden_files_are_packed_on_request(client: Client, tmp_path: Path) -> None:
    """https://github.com/aws/sagemaker-python-sdk/issues/4187: the script reads .config/conf.json."""
    source = write(tmp_path / "source", {"train.py": "", ".config/conf.json": "{}", ".git/HEAD": ""})
    upload = client.upload_source(source)
    assert [(each.name, each.reason) for each in upload.skipped] == [
        (".config/", "hidden"),
        (".git/", "cache or version control"),
    ]
    assert [each.name for each in client.upload_source(source, hidden=True).skipped] == [".git/"]
    assert names_of(read(client, "code", "source.tar.gz")) == [".config/conf.json", "train.py"]


def test_dependencies_are_packed_beside_the_script(client: Client, tmp_path: Path) -> None:
    source = write(tmp_path / "source", {"train.py": ""})
    libraries = write(tmp_path / "libraries", {"common/a.py": "", "constants.py": "", "train.py": ""})
    upload = client.upload_source(source, dependencies=[libraries / "common", str(libraries / "constants.py")])
    assert names_of(read(client, "code", upload)) == ["train.py", "common/a.py", "constants.py"]
    with pytest.raises(InputError, match=r"train\.py would replace train\.py of the source"):
        client.upload_source(source, dependencies=[libraries / "train.py"])
    with pytest.raises(InputError, match="No such file or folder"):
        client.upload_source(source, dependencies=[libraries / "absent"])


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (lambda folder: folder / "absent", "No such file or folder"),
        (lambda folder: write(folder, {"notes.md": ""}), "contains no Python file"),
        (lambda folder: link(write(folder, {"train.py": ""})), "gone cannot be read"),
        (lambda folder: write(folder, {"a.tar.gz": "no archive"}) / "a.tar.gz", "not a tar archive"),
        (lambda folder: write(folder, {"a.zip": "no archive"}) / "a.zip", "not a zip archive"),
        (lambda folder: write(folder, {"a.txt": "no archive"}) / "a.txt", r"Pass a \.tar\.gz, a \.zip"),
    ],
)
def test_bad_sources_are_refused_before_the_upload(
    client: Client, tmp_path: Path, prepare: Callable[[Path], Path], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        client.upload_source(prepare(tmp_path))
    assert list_keys(client, "code") == []


def link(folder: Path) -> Path:
    """The folder with a link to nothing."""
    (folder / "gone").symlink_to("absent")
    return folder


@pytest.mark.parametrize("name", ["/a.tar.gz", "a#1.tar.gz", "a?.tar.gz", "a:b.tar.gz", " a.tar.gz"])
def test_names_that_the_containers_misread_are_refused(client: Client, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be the name of an archive"):
        client.upload_source(write(tmp_path, {"train.py": ""}), name)


def test_the_source_of_dockerfiles_is_a_zip(client: Client) -> None:
    """The example has the folders of the defaults, so only the location is suggested."""
    client.parameters.replace({"framework": "BYOD", "sourcelocation": "other.zip"})
    upload = client.upload_source(ROOT / "pipelines" / "bring-your-own-container" / "src", "iris.zip")
    assert (upload, upload.parameters) == ("iris.zip", {"sourcelocation": "iris.zip"})
    with zipfile.ZipFile(io.BytesIO(read(client, "code", "iris.zip"))) as archive:
        assert "training/docker/Dockerfile" in archive.namelist()
        assert {entry.external_attr >> 16 & 0o111 for entry in archive.infolist()} <= {0, 0o111}
    assert client.parameters.set(upload.parameters).after["sourcelocation"] == "iris.zip"


@pytest.mark.parametrize(
    ("files", "parameters", "notes"),
    [
        (
            ("Dockerfile", ".dockerignore"),
            {"dockerfile_path_Training": ".", "dockerfile_path_Inference": "."},
            0,
        ),
        (
            ("image/train/Dockerfile", "image/serve/Dockerfile"),
            {"dockerfile_path_Training": "image/train", "dockerfile_path_Inference": "image/serve"},
            0,
        ),
        (("a/Dockerfile", "b/Dockerfile"), {}, 2),
    ],
)
def test_the_folders_of_dockerfiles_are_suggested(
    client: Client, tmp_path: Path, files: tuple[str, ...], parameters: dict[str, str], notes: int
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("FROM scratch\n")
    archive = tmp_path / "image.zip"
    with archive.open("wb") as packed:
        write_zip([(tmp_path / name, name) for name in files], packed)
    upload = client.upload_source(archive) if not notes else warned(client, archive)
    assert upload.parameters == {"framework": "BYOD", "sourcelocation": "image.zip", **parameters}
    assert len(upload.notes) == notes
    client.parameters.replace({})
    client.parameters.set(upload.parameters)
    archive.unlink()
    found = client.upload_source(tmp_path, "folder.zip") if not notes else warned(client, tmp_path)
    assert found.file_count == len(files)


def warned(client: Client, path: Path) -> Any:
    """The upload, with its warning."""
    with pytest.warns(UserWarning, match=r"which has no Dockerfile; it is in a, b\."):
        return client.upload_source(path, "image.zip")


def test_a_folder_without_dockerfile_is_no_source_of_byod(client: Client, tmp_path: Path) -> None:
    client.parameters.replace({"framework": "BYOD", "sourcelocation": "other.zip"})
    with pytest.raises(InputError, match="contains no file named Dockerfile"):
        client.upload_source(write(tmp_path, {"train.py": ""}))
    with pytest.raises(InputError, match=r"must end in \.zip"):
        client.upload_source(write(tmp_path, {"Dockerfile": ""}), "a.tar.gz")
    assert client.upload_source(tmp_path, docker=False).parameters.keys() == {"trainsourcefile"}
