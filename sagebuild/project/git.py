"""The git commit of a project's folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_SECONDS = 30


def describe_commit(folder: Path) -> str:
    """Return the commit of a folder, with -dirty if its files differ from it; empty outside of a git repository."""
    commit = _run(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return ""
    changed = _run(folder, "status", "--porcelain", "--", ".")
    return f"{commit}-dirty" if changed or changed is None else commit


def _run(folder: Path, *arguments: str) -> str | None:
    """Return the output of git; None if it fails or is not installed."""
    command = ["git", "-C", str(folder), *arguments]
    environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.stdout.strip() if ended.returncode == 0 else None
