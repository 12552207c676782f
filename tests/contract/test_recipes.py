"""Each recipe of CONTRIBUTING.md lists exactly the files in which its example appears."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

from tests.engine import ROOT

PAGE = ROOT / "CONTRIBUTING.md"
# Each change adds a line to it, as "The loop" on that page says.
CHANGELOG = ROOT / "CHANGELOG.md"
NOT_OURS = {"node_modules", "__pycache__", "release"}  # the last is made by `make dist`
MEASURED = ROOT / "bench/results.json"  # by `make bench`
TEXTS = {"", ".cjs", ".ipynb", ".json", ".md", ".py", ".sh", ".svg", ".toml", ".txt", ".yaml", ".yml"}


@dataclass(frozen=True)
class Example:
    """How the example of a recipe is found.

    Parameters
    ----------
    pattern
        Regular expression that matches a path or the text of each file in which the example appears.
    files
        The number of files that are edited by hand.
    samples
        Patterns of the paths of files that only use the example and would not be edited for another one.
    """

    pattern: str
    files: int
    samples: tuple[str, ...] = ()


EXAMPLES = {
    # The processing jobs have the network of the training.
    "A build parameter": Example(
        r"\btrafficencryption\b",
        10,
        (
            "docs/steps.md",
            "sagebuild/project/sdk_code/arguments.py",
            "sagebuild/requests/processing.py",
            "tests/unit/test_convert_script.py",
            "tests/unit/test_processing.py",
        ),
    ),
    "A framework": Example(
        r"CHAINER|[cC]hainer",
        8,
        # Some cases of these tests are about Chainer. Version 2 of the SDK and aws-sagemaker-build no longer change.
        (
            "docs/from-estimator.md",
            "sagebuild/project/sdk_code/training.py",
            "tests/sdk/test_estimator_page.py",
            "tests/sdk/version_2.json",
            "tests/unit/conversions.py",
            "tests/unit/predecessor/chainer.json",
            "tests/functional/test_params_commands.py",
            "tests/functional/test_project_run.py",
            "tests/unit/test_framework_requests.py",
            "tests/unit/test_migration.py",
            "tests/unit/golden/chainer.json",
            "tests/unit/golden_requests.py",
            "tests/*/test_images.py",
            "tests/unit/test_options.py",
            "tests/unit/wrong_options.py",
        ),
    ),
    # Its test has both forms of an alarm's name, which another trigger does not have.
    "An EventBridge trigger": Example(
        r"triggerAlarm|AlarmRule|_describe_alarm",
        8,
        ("tests/contract/variants.py", "tests/e2e/test_template.py", "tests/unit/test_triggers.py"),
    ),
    "An Alexa intent": Example(r"\bReadMetricsIntent\b|\"read_metrics\"", 11, ("tests/contract/test_added_intent.py",)),
    "A spoken language": Example(
        r"\bpt-BR\b|\bpt\.json\b|\"pt\"", 10, ("pipelines/*", "tests/unit/test_skill_intents.py")
    ),
    "A step of the state machine and its Lambda function": Example(
        r"Check Quality|[cC]heckQuality|check_quality|GatePlan|plan_gate",
        17,
        ("tests/functional/test_step_plan.py", "tests/unit/test_log_keys.py", "tests/unit/test_steps.py"),
    ),
    # A removal reads this setting, too.
    "An AWS setting": Example(
        r"\b(VPC_ACCESS|vpc_access)\b",
        4,
        ("sagebuild/finish/interfaces.py", "tests/functional/conftest.py", "tests/functional/test_removal.py"),
    ),
    "A command of the command line": Example(
        r"[\"`]doctor[\"`]|\bdiagnose\b|Diagnosis",
        11,
        # `start` and `check` run its checks.
        (
            "notebooks/*",
            "sagebuild/cli/projects.py",
            "sagebuild/client/actions.py",
            "sagebuild/project/*",
            "tests/functional/test_hooks.py",
        ),
    ),
    "A notebook": Example(r"\b07-tuning\b", 3, ("notebooks/05-*",)),
    "A ready pipeline": Example(r"\bpipelines?[/-]xgboost\b", 5, ("notebooks/05-*", "docs/your-own-project.md")),
    "An error class": Example(
        r"\bStackNotFoundError\b",
        4,
        ("docs/command-line.md", "sagebuild/client/connection.py", "sagebuild/deployment/stack.py"),
    ),
}


@dataclass(frozen=True)
class Recipe:
    """A recipe as CONTRIBUTING.md has it: the files to edit by hand, the commands, and the files that they write."""

    by_hand: tuple[str, ...]
    commands: tuple[str, ...]
    generated: tuple[str, ...]


def read_recipes(page: str) -> dict[str, Recipe]:
    """Read the recipes below the heading "How to add ...", by their titles."""
    sections = page.partition("\n## How to add ...\n")[2].split("\n### ")[1:]
    return {section.partition("\n")[0]: _read_recipe(section.partition("\n")[2]) for section in sections}


def _read_recipe(section: str) -> Recipe:
    by_hand = re.findall(r"^\d+\. `([^`]+)`", section, re.MULTILINE)
    sentences = re.findall(r"^`([^`]+)`\s+regenerates\s+((?:`[^`]+`|[^`.])+)\.", section, re.MULTILINE)
    generated = [path for _, paths in sentences for path in re.findall(r"`([^`]+)`", paths)]
    return Recipe(tuple(by_hand), tuple(command for command, _ in sentences), tuple(generated))


RECIPES = read_recipes(PAGE.read_text(encoding="utf-8"))
each_recipe = pytest.mark.parametrize("title", EXAMPLES)


@cache
def read_repository() -> dict[str, str]:
    """The text of each of our files by its path, except the recipes, the changelog, measured results and this test."""
    files = {}
    for folder, inner, names in os.walk(ROOT):
        inner[:] = [name for name in inner if name not in NOT_OURS and not name.startswith(".")]
        for path in (Path(folder, name) for name in names):
            if path.suffix in TEXTS and path not in (PAGE, CHANGELOG, MEASURED, Path(__file__)):
                files[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8", errors="replace")
    return files


def expand(place: str, files: Mapping[str, str]) -> set[str]:
    """The files that an entry of a recipe stands for: itself, or all files of a folder."""
    return {path for path in files if path.startswith(place)} if place.endswith("/") else {place}


def find_uses(example: Example, files: Mapping[str, str]) -> set[str]:
    """The files in whose path or text the example appears."""
    pattern = re.compile(example.pattern)
    return {path for path, text in files.items() if pattern.search(path) or pattern.search(text)}


def find_faults(recipe: Recipe, example: Example, files: Mapping[str, str]) -> Iterator[str]:
    """Yield each file that the recipe misses, or lists although the example does not appear in it."""
    listed = set[str]().union(*(expand(place, files) for place in recipe.by_hand + recipe.generated))
    found = find_uses(example, files)
    samples = {path for path in found if any(fnmatch(path, pattern) for pattern in example.samples)}
    yield from (f"the recipe misses {path}" for path in sorted(found - samples - listed))
    yield from (f"the recipe lists {path} in vain" for path in sorted(listed - (found - samples)))


@each_recipe
def test_a_recipe_lists_the_files_of_its_example(title: str) -> None:
    assert list(find_faults(RECIPES[title], EXAMPLES[title], read_repository())) == []


@each_recipe
def test_an_addition_takes_as_many_files_as_agreed(title: str) -> None:
    by_hand = set[str]().union(*(expand(place, read_repository()) for place in RECIPES[title].by_hand))
    assert len(by_hand) == EXAMPLES[title].files


@each_recipe
def test_each_sample_uses_the_example(title: str) -> None:
    example = EXAMPLES[title]
    used = find_uses(example, read_repository())
    assert [pattern for pattern in example.samples if not any(fnmatch(path, pattern) for path in used)] == []


def test_every_recipe_has_an_example() -> None:
    assert RECIPES.keys() == EXAMPLES.keys()


def test_every_command_of_a_recipe_exists() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    commands = {command for recipe in RECIPES.values() for command in recipe.commands}
    assert commands - {f"make {target}" for target in targets} == {".venv/bin/python -m tests.unit.golden_requests"}


def test_every_generated_file_is_marked_as_such() -> None:
    text = (ROOT / ".gitattributes").read_text(encoding="utf-8")
    marked = re.findall(r"^/(\S+) linguist-generated$", text, re.MULTILINE)
    generated = set[str]().union(
        *(expand(path, read_repository()) for one in RECIPES.values() for path in one.generated)
    )
    unmarked = {path for path in generated if not any(fnmatch(path, pattern) for pattern in marked)}
    # Their changes are for a reviewer to read.
    assert {path for path in unmarked if not path.startswith("tests/unit/golden/")} == set()


def test_a_new_place_and_a_place_that_is_gone_are_found() -> None:
    recipe = read_recipes(
        "# Page\n\n## How to add ...\n\n### A thing\n\n1. `a/b.py`: add\n   it.\n2. `words/`: name it.\n\n"
        "`make docs` regenerates `docs/a.md` and `c.json`.\n"
    )["A thing"]
    assert recipe == Recipe(("a/b.py", "words/"), ("make docs",), ("docs/a.md", "c.json"))
    files = dict.fromkeys(("a/b.py", "words/en.json", "words/de.json", "docs/a.md", "c.json", "sample.py"), "a thing")
    example = Example("thing", 3, ("sample.*",))
    assert list(find_faults(recipe, example, files)) == []
    assert list(find_faults(recipe, example, files | {"new.py": "the thing"})) == ["the recipe misses new.py"]
    assert list(find_faults(recipe, example, files | {"a/thing.py": ""})) == ["the recipe misses a/thing.py"]
    gone = files | {"words/de.json": ""}
    assert list(find_faults(recipe, example, gone)) == ["the recipe lists words/de.json in vain"]
