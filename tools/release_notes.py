"""Prints the notes of a release from CHANGELOG.md, and fails if its tag is not the version: release.yml runs it."""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


class ReleaseError(Exception):
    """The tag, the version and CHANGELOG.md do not agree."""


def find_notes(tag: str, version: str, changelog: str) -> str:
    """Return the changelog's section for a version.

    Parameters
    ----------
    tag
        The tag that is released, such as v0.1.0.
    version
        The version in pyproject.toml.
    changelog
        The text of CHANGELOG.md, in the form of Keep a Changelog 1.1.

    Raises
    ------
    ReleaseError
        The tag is not "v" followed by the version, or the changelog has no text in a dated section for the version.
    """
    if tag != f"v{version}":
        raise ReleaseError(f"The tag is {tag} and pyproject.toml has version {version}; use the tag v{version}.")
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d{{2}}-\d{{2}}$"
    found = re.search(rf"{heading}\n(.*?)(?=^## \[|^\[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    if not found or not found[1].strip():
        raise ReleaseError(f"CHANGELOG.md has no entry for {version}; add one below '## [{version}] - YYYY-MM-DD'.")
    return found[1].strip()


def main() -> None:
    """Print the notes of the tag in the first argument."""
    if len(sys.argv) != 2:
        sys.exit("Give the tag of the release: python -m tools.release_notes v0.1.0")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    try:
        print(find_notes(sys.argv[1], version, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")))
    except ReleaseError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
