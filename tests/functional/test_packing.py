"""The serving script finds its way into the model's archive, whatever lies in either."""

import gzip
import io
import json
import subprocess
import sys
import tarfile
from itertools import count
from pathlib import Path

import pytest

from sagebuild.deadline import Deadline
from sagebuild.errors import ModelTooLargeError, PreflightError
from sagebuild.steps.packing import pack_model
from tests.functional.conftest import STACK, Stack
from tests.local.sagemaker_world import pack, unpack

MODEL, SOURCE, TARGET = (
    f"s3://{STACK}-model/model.tar.gz",
    f"s3://{STACK}-code/source.tar.gz",
    f"s3://{STACK}-model/out",
)


def put(stack: Stack, uri: str, body: bytes) -> None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    stack.service.s3.put_object(Bucket=bucket, Key=key, Body=body)


def read(stack: Stack) -> bytes:
    return stack.service.s3.get_object(Bucket=f"{STACK}-model", Key="out")["Body"].read()


def test_the_archive_holds_the_model_and_the_script_and_no_older_code(stack: Stack) -> None:
    weights = bytes(range(256)) * 80_000
    put(stack, MODEL, pack({"model.pt": weights, "./code/old.py": "old", "code/train.py": "old", "codes/x": "kept"}))
    put(stack, SOURCE, pack({"train.py": "new", "lib/help.py": "help"}))
    assert pack_model(stack.service, MODEL, SOURCE, TARGET) == TARGET
    assert unpack(read(stack)) == {
        "model.pt": weights,
        "codes/x": b"kept",
        "code/train.py": b"new",
        "code/lib/help.py": b"help",
    }


@pytest.mark.parametrize(
    ("key", "expected"), [(None, ("AES256", None)), ("alias/results", ("aws:kms", "alias/results"))]
)
def test_the_archive_is_encrypted_with_the_key_of_the_output(
    stack: Stack, key: str | None, expected: tuple[str, str | None]
) -> None:
    stack.service.s3.put_bucket_encryption(
        Bucket=f"{STACK}-model",
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    put(stack, MODEL, pack({"model.pt": b"weights"}))
    put(stack, SOURCE, pack({"train.py": "new"}))
    pack_model(stack.service, MODEL, SOURCE, TARGET, key=key)
    found = stack.service.s3.head_object(Bucket=f"{STACK}-model", Key="out")
    assert (found.get("ServerSideEncryption"), found.get("SSEKMSKeyId")) == expected


@pytest.mark.parametrize("path", ["src/serve.py", "src/deep/my-serve.py"])
def test_a_script_in_a_folder_is_imported_by_file_name(stack: Stack, path: str, tmp_path: Path) -> None:
    script = """from __future__ import annotations
import beside, pickle, top
class Model: pass
def model_fn(folder: str) -> list[str]:
    return [__file__, type(pickle.loads(pickle.dumps(Model()))).__module__, beside.name, top.name, "\u00e9"]
"""
    folder = path.rpartition("/")[0]
    put(stack, MODEL, pack({"model": "weights"}))
    put(stack, SOURCE, pack({path: script, f"{folder}/beside.py": "name = 'beside'", "top.py": "name = 'top'"}))
    pack_model(stack.service, MODEL, SOURCE, TARGET, path)
    with tarfile.open(fileobj=io.BytesIO(read(stack))) as archive:
        archive.extractall(tmp_path, filter="data")
    code = "import sagebuild_entry, json; print(json.dumps(sagebuild_entry.model_fn('')))"
    printed = subprocess.check_output([sys.executable, "-c", code], cwd=tmp_path / "code")
    assert json.loads(printed) == [str(tmp_path / "code" / path), "sagebuild_entry", "beside", "top", "\u00e9"]


def test_a_missing_model_is_said_as_sagemaker_says_it(stack: Stack) -> None:
    put(stack, SOURCE, pack({"train.py": "new"}))
    with pytest.raises(PreflightError, match=f"Could not find model data at {MODEL}"):
        pack_model(stack.service, MODEL, SOURCE, TARGET)


def test_links_stay_links(stack: Stack) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, kind, target in (
            ("a.py", tarfile.REGTYPE, ""),
            ("soft", tarfile.SYMTYPE, "a.py"),
            ("hard", tarfile.LNKTYPE, "a.py"),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            tar.addfile(entry)
    put(stack, MODEL, pack({"model.pt": "weights"}))
    put(stack, SOURCE, archive.getvalue())
    pack_model(stack.service, MODEL, SOURCE, TARGET)
    with tarfile.open(fileobj=io.BytesIO(read(stack))) as tar:
        links = {entry.name: entry.linkname for entry in tar if entry.linkname}
    assert links == {"code/soft": "a.py", "code/hard": "code/a.py"}


@pytest.mark.parametrize("torn", [MODEL, SOURCE])
@pytest.mark.parametrize("content", [b"no archive", pack({"weights": bytes(5_000_000)})[:3000]])
def test_what_is_no_archive_is_named_and_leaves_nothing(stack: Stack, torn: str, content: bytes) -> None:
    for uri in (MODEL, SOURCE):
        put(stack, uri, content if uri == torn else pack({"train.py": "new"}))
    with pytest.raises(PreflightError, match=f"{torn} is not a tar.gz archive"):
        pack_model(stack.service, MODEL, SOURCE, TARGET)
    assert stack.service.s3.list_objects_v2(Bucket=f"{STACK}-model", Prefix="out")["KeyCount"] == 0


def write_tar(*members: tuple[tarfile.TarInfo, bytes], format: int = tarfile.GNU_FORMAT) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz", format=format) as tar:
        for member, data in members:
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return archive.getvalue()


def test_a_member_of_an_unknown_type_is_copied_as_a_file(stack: Stack) -> None:
    unknown, after = tarfile.TarInfo("weights"), tarfile.TarInfo("after")
    unknown.type = b"Z"
    put(stack, MODEL, write_tar((unknown, b"many weights" * 100), (after, b"more")))
    put(stack, SOURCE, pack({"train.py": "new"}))
    pack_model(stack.service, MODEL, SOURCE, TARGET)
    assert unpack(read(stack)) == {"weights": b"many weights" * 100, "after": b"more", "code/train.py": b"new"}


def test_a_sparse_file_is_copied_with_its_holes(stack: Stack) -> None:
    sparse = tarfile.TarInfo("GNUSparseFile.0/weights")
    sparse.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.name": "weights",
        "GNU.sparse.size": "1000",
        "GNU.sparse.numblocks": "2",
        "GNU.sparse.map": "0,4,900,4",
    }
    after = tarfile.TarInfo("after")
    put(stack, MODEL, write_tar((sparse, b"headtail"), (after, b"more"), format=tarfile.PAX_FORMAT))
    put(stack, SOURCE, pack({"train.py": "new"}))
    pack_model(stack.service, MODEL, SOURCE, TARGET)
    weights = b"head" + bytes(896) + b"tail" + bytes(96)
    assert unpack(read(stack)) == {"weights": weights, "after": b"more", "code/train.py": b"new"}


def test_a_small_archive_with_an_endless_file_ends_at_the_deadline(stack: Stack) -> None:
    sparse = tarfile.TarInfo("weights")
    facts = {"major": "0", "minor": "1", "name": "weights", "numblocks": "1", "map": "0,4", "size": "1" * 30}
    sparse.pax_headers = {f"GNU.sparse.{name}": value for name, value in facts.items()}
    put(stack, MODEL, write_tar((sparse, b"head"), format=tarfile.PAX_FORMAT))
    put(stack, SOURCE, pack({"train.py": "new"}))
    seconds = count()
    with pytest.raises(ModelTooLargeError, match=f"Pack Model did not copy {MODEL}"):
        pack_model(stack.service, MODEL, SOURCE, TARGET, deadline=Deadline(100, lambda: next(seconds)))
    assert stack.service.s3.list_objects_v2(Bucket=f"{STACK}-model", Prefix="out")["KeyCount"] == 0


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08", gzip.compress(b"")], ids=["nothing", "3 bytes", "empty"])
@pytest.mark.parametrize("torn", [MODEL, SOURCE])
def test_a_tiny_archive_is_named(stack: Stack, torn: str, content: bytes) -> None:
    for uri in (MODEL, SOURCE):
        put(stack, uri, content if uri == torn else pack({"train.py": "new"}))
    with pytest.raises(PreflightError, match=f"{torn} is not a tar.gz archive"):
        pack_model(stack.service, MODEL, SOURCE, TARGET)


@pytest.mark.parametrize("torn", [MODEL, SOURCE])
def test_an_archive_with_a_negative_size_is_named(stack: Stack, torn: str) -> None:
    member = tarfile.TarInfo("weights")
    member.pax_headers = {"size": "-1"}
    for uri in (MODEL, SOURCE):
        content = write_tar((member, b""), format=tarfile.PAX_FORMAT) if uri == torn else pack({"train.py": "new"})
        put(stack, uri, content)
    with pytest.raises(PreflightError, match=f'{torn} is not a tar.gz archive: "a member has a negative size"'):
        pack_model(stack.service, MODEL, SOURCE, TARGET)


def test_a_model_with_a_damaged_header_is_not_cut_short(stack: Stack) -> None:
    first, second = (gzip.decompress(pack({name: "data"}))[:1024] for name in ("one", "two"))
    damaged = second[:148] + b"xxxxxxxx" + second[156:]  # the checksum
    put(stack, MODEL, gzip.compress(first + damaged + bytes(1024)))
    put(stack, SOURCE, pack({"train.py": "new"}))
    with pytest.raises(PreflightError, match=f"{MODEL} is not a tar.gz archive"):
        pack_model(stack.service, MODEL, SOURCE, TARGET)


def test_the_message_about_an_archive_has_one_printable_line(stack: Stack) -> None:
    link = tarfile.TarInfo("a\x1b\nb")
    link.type = tarfile.GNUTYPE_LONGNAME
    link.size = 2**30
    put(stack, MODEL, gzip.compress(link.tobuf() + bytes(1024)))
    put(stack, SOURCE, pack({"train.py": "new"}))
    with pytest.raises(PreflightError) as error:
        pack_model(stack.service, MODEL, SOURCE, TARGET)
    assert str(error.value).isprintable()
    assert "a header of 1073741824 bytes" in str(error.value)
