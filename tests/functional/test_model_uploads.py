"""Uploads of models to a stack in moto: what is packed, where it is, and what is refused."""

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sagebuild.client.stack import Stack as Client
from sagebuild.errors import InputError
from tests.functional.conftest import STACK
from tests.functional.test_uploads import client, list_keys, names_of, read, write

__all__ = ["client"]  # a fixture


def test_a_model_folder_is_packed_under_the_hash_of_its_content(client: Client, tmp_path: Path) -> None:
    model = write(tmp_path / "iris", {"model.joblib": "weights", "code/inference.py": ""})
    upload = client.upload_model(model, progress=False)
    assert upload.parameters == {"ModelArtifacts": upload.uri, "skiptrain": True}
    key = upload.uri.removeprefix(f"s3://{STACK}-model/")
    assert names_of(read(client, "model", key)) == ["code/inference.py", "model.joblib"]
    assert client.upload_model(model, progress=False) == upload
    (model / "model.joblib").write_text("other weights")
    assert client.upload_model(model, progress=False) != upload
    assert len(list_keys(client, "model")) == 2
    client.parameters.set(upload.parameters)


def test_a_packed_model_is_uploaded_as_it_is(client: Client, tmp_path: Path) -> None:
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(write(tmp_path / "iris", {"model.joblib": "weights"}), arcname=".")
    upload = client.upload_model(archive, "iris", progress=False)
    assert upload.startswith(f"s3://{STACK}-model/models/iris-")
    assert (upload.file_count, upload.size) == (1, archive.stat().st_size)
    assert read(client, "model", upload.uri.partition("-model/")[2]) == archive.read_bytes()


def break_archive(folder: Path, change: Callable[[bytes], bytes]) -> Path:
    """A model's archive with changed bytes."""
    archive = folder / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(write(folder / "iris", {"model.joblib": "weights"}), arcname="iris")
    archive.write_bytes(change(archive.read_bytes()))
    return archive


def pack_member(folder: Path, name: str, kind: bytes = tarfile.REGTYPE) -> Path:
    """An archive with one member."""
    archive, entry = folder / "model.tar.gz", tarfile.TarInfo(name)
    entry.type = kind
    with tarfile.open(archive, "w:gz") as packed:
        packed.addfile(entry)
    return archive


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (lambda folder: folder / "absent", "No such file or folder"),
        (lambda folder: folder, "contains no files to upload"),
        (
            lambda folder: write(folder, {"model.joblib": "x"}) / "model.joblib",
            "not a tar archive compressed with gzip",
        ),
        (lambda folder: break_archive(folder, lambda content: content[:-20]), "not a tar archive|broken"),
        (lambda folder: break_archive(folder, lambda content: content[:-6] + bytes(6)), "CRC check failed"),
        (lambda folder: break_archive(folder, lambda _: b"\x1f\x8b\x08"), "broken"),
        (lambda folder: pack_member(folder, "iris", tarfile.DIRTYPE), "contains no files"),
        (lambda folder: pack_member(folder, "../iris"), r"contains \.\./iris, which leads outside"),
    ],
)
def test_bad_models_are_refused_before_the_upload(
    client: Client, tmp_path: Path, prepare: Callable[[Path], Path], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        client.upload_model(prepare(tmp_path))
    assert list_keys(client, "model") == []
