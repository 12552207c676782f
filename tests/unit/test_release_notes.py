"""A release has the tag of its version, and notes from the changelog."""

import pytest

from tools.release_notes import ReleaseError, find_notes

CHANGELOG = """# Changelog

## [Unreleased]

### Added

- Something later.

## [1.1.0] - 2026-12-01

### Added

- Pictures.

### Fixed

- A typing error.

## [1.0.0] - 2026-11-01

- All of it.

## [0.9.0] - 2026-10-01

[1.0.0]: https://example.com/1.0.0
"""


def test_the_notes_are_the_section_of_the_version() -> None:
    assert find_notes("v1.1.0", "1.1.0", CHANGELOG) == "### Added\n\n- Pictures.\n\n### Fixed\n\n- A typing error."
    assert find_notes("v1.0.0", "1.0.0", CHANGELOG) == "- All of it."


@pytest.mark.parametrize(
    ("tag", "version", "sentence"),
    [
        ("v1.2.0", "1.1.0", "The tag is v1.2.0 and pyproject.toml has version 1.1.0; use the tag v1.1.0."),
        ("1.1.0", "1.1.0", "The tag is 1.1.0 and pyproject.toml has version 1.1.0; use the tag v1.1.0."),
        ("v1.2.0", "1.2.0", "CHANGELOG.md has no entry for 1.2.0"),
        ("v0.9.0", "0.9.0", "CHANGELOG.md has no entry for 0.9.0"),
        ("v1.1", "1.1", "CHANGELOG.md has no entry for 1.1;"),
    ],
)
def test_a_tag_without_its_version_or_its_notes_is_refused(tag: str, version: str, sentence: str) -> None:
    with pytest.raises(ReleaseError, match=sentence):
        find_notes(tag, version, CHANGELOG)
