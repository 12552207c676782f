"""Each intent is complete in the files that "An Alexa intent" in CONTRIBUTING.md lists, and in no other file."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from skill.conversation import Intent
from skill.intents import INTENTS, REQUESTS, find_intent
from skill.intents.session import welcome
from skill.speech import LANGUAGES
from tests.alexa import ROOT, name_request

MODULES = "skill/intents/"
DOCS = "docs/alexa.md"
TESTS = "tests/unit/"

# Alexa defines the others, and only a question of the skill makes sense of a PIN.
OWN = [intent for name, intent in INTENTS.items() if not name.startswith("AMAZON.") and name != "GivePinIntent"]

_DOCS_ROW = re.compile(r"^\| [^|]+ \| (\w+) \| ([^|]*?) ?\|$", re.MULTILINE)
_SOURCES = {".py", ".json", ".md", ".yml", ".ipynb", ".cjs"}


def find_gaps(intent: Intent) -> Iterator[str]:
    """Yield each file in which the intent is missing, or described differently."""
    if not (intent.name in INTENTS and (ROOT / MODULES / f"{_find_module(intent)}.py").is_file()):
        yield MODULES
    for path in sorted(LANGUAGES.glob("*.json")):
        if not json.loads(path.read_text(encoding="utf-8"))["samples"].get(intent.name):
            yield str(path.relative_to(ROOT))
    if dict(_DOCS_ROW.findall((ROOT / DOCS).read_text(encoding="utf-8"))).get(intent.name) != _describe_question(
        intent
    ):
        yield DOCS
    if name_request(intent.name) not in _find_tested_requests():
        yield TESTS


def _find_module(intent: Intent) -> str:
    return intent.handle.__module__.rpartition(".")[2]


def _describe_question(intent: Intent) -> str:
    if intent.on_yes is None:
        return ""
    return "yes, and the PIN" if intent.asks_pin else "yes"


@cache
def _find_tested_requests() -> frozenset[str]:
    """Find the strings in the skill's unit tests; a request's name is one of them if a test sends the request."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / TESTS).glob("test_skill*.py"))
    strings = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return frozenset(string for string in strings if isinstance(string, str))


@pytest.mark.parametrize("intent", OWN, ids=lambda intent: intent.name)
def test_an_intent_is_in_every_file_that_describes_intents(intent: Intent) -> None:
    assert list(find_gaps(intent)) == []


def test_an_intent_without_an_entry_is_found_in_ten_files() -> None:
    languages = [f"skill/languages/{language}.json" for language in ("de", "en", "es", "fr", "it", "ja", "pt")]
    assert list(find_gaps(Intent("AddedIntent", welcome, "read"))) == [MODULES, *languages, DOCS, TESTS]


def test_no_other_file_names_every_intent() -> None:
    """ReadMetricsIntent stands for an added intent: the files that name it are the files to edit by hand."""
    intent = INTENTS["ReadMetricsIntent"]
    languages = {str(path.relative_to(ROOT)) for path in LANGUAGES.glob("*.json")}
    naming = {
        str(path.relative_to(ROOT))
        for path in _list_sources()
        if intent.name in path.read_text(encoding="utf-8")
        or f'"{name_request(intent.name)}"' in path.read_text(encoding="utf-8")
    }
    assert naming - languages == {
        f"{MODULES}{_find_module(intent)}.py",
        DOCS,
        f"{TESTS}test_skill_intents.py",
        str(Path(__file__).relative_to(ROOT)),
        "tests/contract/utterances.json",
        *("CONTRIBUTING.md", "tests/contract/test_recipes.py"),
    }
    assert len(languages) + 3 == 10


def _list_sources() -> Iterator[Path]:
    """Yield our own text files, but for those that `make models` generates."""
    for folder in ROOT.iterdir():
        if (
            folder.is_dir()
            and not folder.name.startswith(".")
            and folder.name not in ("node_modules", "interactionModels")
        ):
            yield from (path for path in folder.rglob("*") if path.suffix in _SOURCES and path.is_file())
    yield from (path for path in ROOT.iterdir() if path.suffix in _SOURCES)


def test_each_intent_is_found_by_its_name() -> None:
    assert {name: find_intent(name) for name in INTENTS} == INTENTS
    assert [find_intent(request.name) for request in REQUESTS] == list(REQUESTS)
    assert find_intent("UnknownIntent") is None


def test_each_name_belongs_to_one_intent() -> None:
    declared = re.findall(r'Intent\(\s*"([\w.]+)"', "".join(path.read_text() for path in (ROOT / MODULES).glob("*.py")))
    assert sorted(declared) == sorted([*INTENTS, "LaunchRequest", "Alexa.Presentation.APL.UserEvent"])
