"""Every relative link of a Markdown page leads to a file, and to a heading if it names one."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine import ROOT

FOLDERS = (ROOT, ROOT / "docs", ROOT / "local", *sorted(path.parent for path in ROOT.glob("pipelines/*/README.md")))
PAGES = sorted(page for folder in FOLDERS if folder.is_dir() for page in folder.glob("*.md"))
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def list_links(text: str) -> Iterator[str]:
    """Yield the targets of a page's links to other files and to headings; text in code is no link."""
    yield from (link for link in re.findall(r"\]\(([^)\s]+)\)", _CODE.sub("", text)) if "://" not in link)


def list_anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def find_dead_links(page: Path, text: str) -> Iterator[str]:
    """Yield each link that leads to no file, or to no heading of a Markdown page."""
    for link in list_links(text):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        read = target.read_text(encoding="utf-8") if anchor and path and target.is_file() else text
        if not target.exists() or (anchor and anchor not in list_anchors(read)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_to_files_and_headings(page: Path) -> None:
    assert list(find_dead_links(page, page.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("text", "dead"),
    [
        ("[docs](docs/triggers.md#the-launch-topic-and-parameters-for-one-build)", []),
        ("[no file](docs/nothing.md)", ["docs/nothing.md"]),
        ("[no heading](docs/triggers.md#nothing)", ["docs/triggers.md#nothing"]),
        ("# It's `here`\n[heading](#its-here) [none](#there)", ["#there"]),
        ("`[code](nothing.md)` and [elsewhere](https://example.com/nothing.md)", []),
    ],
)
def test_a_dead_link_is_found(text: str, dead: list[str]) -> None:
    assert list(find_dead_links(ROOT / "README.md", text)) == dead
