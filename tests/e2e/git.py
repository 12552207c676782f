"""A git repository with a training script, for builds with git_config."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

_WHO = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> str:
    """The output of git in a folder."""
    command = ["git", *_WHO, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write files, and the folders that they need."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def commit(folder: Path, files: Mapping[str, str]) -> str:
    """Write files and commit all; the commit."""
    write_files(folder, files)
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet")
        git(folder, "symbolic-ref", "HEAD", "refs/heads/main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "change")
    return git(folder, "rev-parse", "HEAD")
