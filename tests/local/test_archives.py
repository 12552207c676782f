"""Archives are unpacked, and malicious ones refused, alike with and without tarfile's extraction filters."""

import io
import os
import stat
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from local import archives

# A Python older than 3.11.4 has no extraction filters, so only its own branch exists there.
PYTHONS = ["without filters", *(["with filters"] if hasattr(tarfile, "data_filter") else [])]


@pytest.fixture(params=PYTHONS, autouse=True)
def python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python with extraction filters, and one older than 3.11.4 without."""
    if request.param == "without filters":
        monkeypatch.delattr(tarfile, "data_filter", raising=False)


def file(name: str, content: bytes = b"content", mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    return entry, content


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry, b""


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return special(name, tarfile.SYMTYPE, target)


def hard_link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return special(name, tarfile.LNKTYPE, target)


def unpack(folder: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    """Unpack a tar.gz of these entries; return the folder with what it held."""
    archive, target = folder / "archive.tar.gz", folder / "parent" / "target"
    with tarfile.open(archive, "w:gz") as tar:
        for entry, content in entries:
            tar.addfile(entry, io.BytesIO(content))
    archives.unpack_tar(archive, target)
    return target


def test_files_folders_and_inner_links_are_unpacked(tmp_path: Path) -> None:
    folder = special("code/inner", tarfile.DIRTYPE)
    files = (file("code/train.py", b"print()"), file("code/inner/run.sh", mode=0o777), file("code/inner/data"))
    links = (link("code/inner/up", "../train.py"), hard_link("hard", "code/train.py"))
    target = unpack(tmp_path, folder, *files, *links)
    assert (target / "code/train.py").read_bytes() == b"print()"
    assert (target / "code/inner/up").read_bytes() == (target / "hard").read_bytes() == b"print()"
    assert stat.S_IMODE((target / "code/inner/run.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((target / "code/inner/data").stat().st_mode) == 0o644
    assert (target / "code/inner/data").stat().st_uid == os.getuid()


def test_an_archive_of_many_entries_needs_no_object_of_each(tmp_path: Path) -> None:
    few, many = (_measure_memory(tmp_path / str(count), count) for count in (10, 1000))
    assert many < few + 100_000  # an object of tarfile has about a thousand bytes


def _measure_memory(folder: Path, count: int) -> int:
    """The most bytes that the unpacking of this many entries needs at any time."""
    folder.mkdir()
    with tarfile.open(folder / "archive.tar", "w") as tar:
        for number in range(count):
            tar.addfile(special(f"folder-{number}", tarfile.DIRTYPE)[0])
    tracemalloc.start()
    archives.unpack_tar(folder / "archive.tar", folder / "target")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(list((folder / "target").iterdir())) == count
    return peak


def test_a_hard_link_to_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(archives.UnsafeEntryError, match="'first' is a hard link to 'later'"):
        unpack(tmp_path, hard_link("first", "later"), file("later"))


def test_links_can_be_refused(tmp_path: Path) -> None:
    unpack(tmp_path, file("data"), link("inner", "data"), hard_link("hard", "data"))
    with pytest.raises(archives.UnsafeEntryError, match="'inner' is a symbolic link"):
        archives.unpack_tar(tmp_path / "archive.tar.gz", tmp_path / "second", refuse_links=True)


def test_an_absolute_path_is_unpacked_inside(tmp_path: Path) -> None:
    absolute = tmp_path / "elsewhere"
    target = unpack(tmp_path, file(str(absolute)))
    assert not absolute.exists()
    assert (target / str(absolute).lstrip("/")).read_bytes() == b"content"


@pytest.mark.parametrize(
    "entries",
    [
        [file("../escaped")],
        [file("a/../../escaped")],
        [link("out", "../escaped"), file("out")],
        [link("out", ".."), file("out/escaped")],
        [link("out", "/etc/passwd")],
        [link("here", "."), link("out", "here/../../escaped")],
        [link("a", "b"), link("b", "../escaped")],
        [hard_link("out", "../../archive.tar.gz")],
        [hard_link("out", "/etc/passwd")],
        [special("pipe", tarfile.FIFOTYPE)],
        [special("device", tarfile.CHRTYPE)],
        [special("disk", tarfile.BLKTYPE)],
    ],
    ids=lambda entries: " + ".join(f"{entry.name}>{entry.linkname}" for entry, _ in entries),
)
def test_an_entry_that_leads_outside_or_is_a_device_is_refused(
    tmp_path: Path, entries: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    with pytest.raises(tarfile.TarError):
        unpack(tmp_path, *entries)
    assert {path.name for path in tmp_path.rglob("*")} & {"escaped", "pipe", "device", "disk"} == set()
    assert not any(path.is_symlink() and not inside(path, tmp_path) for path in tmp_path.rglob("*"))


def inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder / "parent" / "target")


def test_the_fallback_refuses_a_link_that_would_lead_outside_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Some filters of Python make the hard link a copy of the relative link, which leads outside from there.
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    with pytest.raises(archives.UnsafeEntryError, match="hard link"):
        unpack(tmp_path, special("a/b", tarfile.DIRTYPE), link("a/b/link", "../../missing"), hard_link("h", "a/b/link"))


def test_the_fallback_refuses_a_link_that_changes_its_target_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    target = unpack(tmp_path, link("out", "later/../inside"), link("later", "."))
    assert (target / "out").resolve() == target / "inside"


def test_a_broken_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "archive.tar.gz").write_bytes(b"no archive")
    with pytest.raises(tarfile.TarError):
        archives.unpack_tar(tmp_path / "archive.tar.gz", tmp_path / "target")


def test_a_zip_is_unpacked_inside_with_its_modes(tmp_path: Path) -> None:
    content, script = io.BytesIO(), zipfile.ZipInfo("run.sh")
    script.external_attr = 0o755 << 16
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr(script, "#!/bin/sh")
        packed.writestr("../escaped", "content")
    archives.unpack_zip(content, tmp_path / "target")
    assert stat.S_IMODE((tmp_path / "target/run.sh").stat().st_mode) == 0o755
    assert (tmp_path / "target/escaped").is_file()
    assert not (tmp_path / "escaped").exists()
