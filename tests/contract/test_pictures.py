"""docs/pictures contains exactly the pictures of the pages; they are small and load nothing from other servers."""

import re
from pathlib import Path

import pytest

from tests.engine import ROOT

PICTURES = sorted((ROOT / "docs" / "pictures").iterdir())
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LARGEST = 300_000  # bytes


def test_every_picture_is_shown_and_every_shown_one_is_there() -> None:
    shown = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    }
    assert shown == set(PICTURES)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_small_and_self_contained(picture: Path) -> None:
    assert picture.stat().st_size < LARGEST
    if picture.suffix == ".svg":
        assert not re.search(r"url\(.?http|href=|/tmp/|/root/|/home/", picture.read_text(encoding="utf-8"))
