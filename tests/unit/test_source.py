"""The same content gives the same source archive, and the errors name what cannot be packed."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from sagebuild.client.source import pack_checkout, pack_folder
from sagebuild.errors import SourceError

IDENTITY = {f"GIT_{who}_{what}": "test@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def read(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = {entry.name: tar.extractfile(entry) for entry in tar}
        return {name: file.read() for name, file in files.items() if file}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=os.environ | IDENTITY, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A script with a module, and files that tools create."""
    source = tmp_path / "source"
    for name in ("train.py", "lib/help.py", "lib/__pycache__/help.pyc", ".git/config", "old.pyc", "data.csv"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    (source / "run.sh").write_text("run")
    (source / "run.sh").chmod(0o700)
    (source / "linked.py").symlink_to(source / "train.py")
    (source / "circle").symlink_to(source, target_is_directory=True)
    return source


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits and a tag on the first."""
    repository = tmp_path / "repository"
    (repository / "model").mkdir(parents=True)
    git(repository, "init", "--quiet", "--initial-branch", "main")
    for version in ("first", "second"):
        (repository / "model" / "train.py").write_text(version)
        (repository / "README").write_text(version)
        git(repository, "add", ".")
        git(repository, "commit", "--quiet", "-m", version)
        if version == "first":
            git(repository, "tag", "v1")
    return repository


def test_a_folder_is_packed_without_the_files_of_tools(folder: Path) -> None:
    packed = read(pack_folder(folder))
    assert packed == {
        "train.py": b"train.py",
        "lib/help.py": b"lib/help.py",
        "data.csv": b"data.csv",
        "run.sh": b"run",
        "linked.py": b"train.py",
    }


def test_the_same_content_gives_the_same_bytes(folder: Path) -> None:
    first = pack_folder(folder)
    assert first[4:8] == bytes(4), "gzip's own time stamp"
    for file in folder.rglob("*.py"):
        os.utime(file, (1, 1))
    (folder / "data.csv").chmod(0o600)
    assert pack_folder(folder) == first
    (folder / "data.csv").chmod(0o700)
    assert pack_folder(folder) != first


def test_a_folder_that_cannot_be_packed_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="absent is not a folder"):
        pack_folder(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="empty contains no files"):
        pack_folder(tmp_path / "empty")
    (folder / "lib" / "weights.bin").write_bytes(bytes(200_000))
    with pytest.raises(SourceError, match=r"has 0\.2 MB, and source may have 0\.1 MB; .* is lib/weights\.bin\."):
        pack_folder(folder, maximum_mb=0.1)


def test_a_checkout_contains_the_files_of_the_ref(repository: Path) -> None:
    assert read(pack_checkout(str(repository))) == {"README": b"second", "model/train.py": b"second"}
    assert read(pack_checkout(repository.as_uri(), "main", "model")) == {"train.py": b"second"}
    (repository / "model" / "train.py").write_text("not committed")
    assert read(pack_checkout(str(repository), "v1", "model")) == {"train.py": b"first"}
    commit = git(repository, "rev-parse", "HEAD~1")
    assert pack_checkout(str(repository), commit) == pack_checkout(str(repository), "v1")


@pytest.mark.parametrize(
    ("ref", "subfolder", "message"),
    [
        ("absent", "", "git could not fetch: .*absent"),
        ("main", "absent", "has no folder absent at main"),
        ("main", "../..", r"has no folder \.\./\.\. at main"),
        ("--upload-pack=evil", "", "is an option of git"),
    ],
)
def test_the_error_names_what_the_repository_lacks(repository: Path, ref: str, subfolder: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        pack_checkout(str(repository), ref, subfolder)


def test_the_error_for_a_missing_repository_names_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="git could not fetch"):
        pack_checkout(str(tmp_path / "absent"))


def test_the_error_without_git_says_so(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SourceError, match="git is not installed"):
        pack_checkout(str(repository))
