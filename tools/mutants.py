"""Runs mutation tests: ``make mutants`` changes a module in small ways, and expects that a test or mypy notices each.

`pyproject.toml` lists the files and the tests of each module, and `tests/explained_mutants.yml` explains the changes
that may stay unnoticed. mutmut works on a copy in `.mutants`. ``--again`` keeps the results of the last run, and tests
only the changes that nothing noticed and the functions that differ since.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from json import dumps, loads
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".mutants"
EXPLAINED = ROOT / "tests" / "explained_mutants.yml"
_PROJECT = ROOT / "pyproject.toml"
_KILLED = ("killed", "timeout", "caught by type check")
_NOTICED = (1, 37)  # mutmut's exit codes for tests and mypy
_RESULT = re.compile(r"^ +(\S+__mutmut_\d+): (.+)$", re.MULTILINE)
_FUNCTION = re.compile(r"\.(?:x_|xǁ)(\w+)__mutmut_\d+$")


@dataclass(frozen=True)
class Survivor:
    """A change that nothing notices: the function, and its lines before and after the change."""

    function: str
    before: str
    after: str


def read_modules() -> dict[str, Any]:
    """Return the files and the tests of each module."""
    modules: dict[str, Any] = tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["tool"]["mutants"]
    return modules


def read_explained(module: str) -> list[dict[str, str]]:
    """Return the explained changes of a module: the function, a part of the changed lines, and the reason."""
    explained: list[dict[str, str]] = yaml.safe_load(EXPLAINED.read_text(encoding="utf-8")).get(module) or []
    return explained


def prepare(name: str, module: dict[str, list[str]]) -> Path:
    """Make an empty folder for the tests of a module, with its settings and links to the project's files."""
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in ROOT.iterdir():
        if not path.name.startswith(".") and path != _PROJECT:
            (folder / path.name).symlink_to(path)
    checker = ["python", "-m", "mypy", "--output", "json", "--disable-error-code", "unused-ignore"]
    settings = {
        "only_mutate": module["files"],
        "pytest_add_cli_args_test_selection": module["tests"],
        "type_check_command": [*checker, "--cache-dir", str(FOLDER / "mypy"), *module["files"]],
    }
    lines = ["[tool.mutmut]", *(f"{key} = {dumps(value)}" for key, value in settings.items())]
    text = _PROJECT.read_text(encoding="utf-8").replace("[tool.mutmut]", "\n".join(lines))
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


def keep_results(name: str) -> Path:
    """Return the folder of the last run of a module, without the results of changes that it did not notice."""
    folder = FOLDER / name
    for path in folder.glob("mutants/**/*.meta"):
        results = loads(path.read_text(encoding="utf-8"))
        codes = results["exit_code_by_key"]
        results["exit_code_by_key"] = {key: code if code in _NOTICED else None for key, code in codes.items()}
        path.write_text(dumps(results), encoding="utf-8")
    return folder


def run_mutmut(folder: Path, *arguments: str) -> str:
    """Return what a command of mutmut prints."""
    tools = Path(sys.executable).parent
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    variables = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT / "tools")}  # with mutant_tests.py
    done = subprocess.run([tools / "mutmut", *arguments], cwd=folder, env=variables, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"mutmut {arguments[0]} failed in {folder}:\n{done.stdout[-4000:]}{done.stderr}")
    return done.stdout


def find_survivors(folder: Path) -> tuple[Counter[str], list[Survivor]]:
    """Return the number of changes with each result, and those that nothing noticed."""
    results = _RESULT.findall(run_mutmut(folder, "results", "--all", "true"))
    survivors = []
    for name in (name for name, result in results if result not in _KILLED):
        lines = run_mutmut(folder, "show", name).partition("\n+++ ")[2].splitlines()[1:]
        before, after = (" ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")
        function = _FUNCTION.search(name)
        assert function, name
        survivors.append(Survivor(function[1].replace("ǁ", "."), before, after))
    return Counter(result for _, result in results), survivors


def explain(explained: Sequence[dict[str, str]], survivors: Iterable[Survivor]) -> tuple[list[Survivor], list[str]]:
    """Return the survivors without an explanation, and the explanations without a survivor."""
    used, left = set(), []
    for survivor in survivors:
        found = {
            number
            for number, each in enumerate(explained)
            if each["function"] == survivor.function and each["change"] in survivor.after
        }
        used |= found
        if not found:
            left.append(survivor)
    return left, [f"{each['function']}: {each['change']}" for n, each in enumerate(explained) if n not in used]


def run_module(name: str, module: dict[str, list[str]], processes: int, *, again: bool = False) -> bool:
    """Test a module, and print the result; return False when a change has no reason, or a reason has no change."""
    folder = keep_results(name) if again and (FOLDER / name).is_dir() else prepare(name, module)
    run_mutmut(folder, "run", "--max-children", str(processes))
    results, survivors = find_survivors(folder)
    left, unused = explain(read_explained(name), survivors)
    for survivor in left:
        print(f"\n{name}: nothing notices this change of {survivor.function}:\n- {survivor.before}\n+ {survivor.after}")
    for each in unused:
        print(f"\n{EXPLAINED.name} explains a change of {name} that is noticed or no longer made: {each}")
    by_mypy, by_tests, hung = (results[result] for result in ("caught by type check", "killed", "timeout"))
    print(
        f"{name}: {results.total()} changes: mypy notices {by_mypy}, the tests {by_tests}, and {hung} hang; "
        f"{len(survivors) - len(left)} explained, {len(left)} unexplained"
    )
    return not left and not unused


def main(names: Sequence[str]) -> None:
    """Test the named modules, or all."""
    modules = read_modules()
    again = "--again" in names
    names = [name for name in names if name != "--again"]
    if unknown := set(names) - modules.keys():
        raise SystemExit(f"no such module: {', '.join(sorted(unknown))}; choose from {', '.join(modules)}")
    passed = [run_module(name, modules[name], processes=2, again=again) for name in names or modules]
    raise SystemExit(0 if all(passed) else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
