"""`make mutants` finds its files and tests, and each surviving change needs a reason."""

import json
import re
from pathlib import Path

import pytest

from tests.engine import ROOT
from tools import mutants
from tools.mutants import Survivor, explain, keep_results, read_explained, read_modules


def test_a_survivor_needs_a_reason_and_a_reason_a_survivor() -> None:
    explained = [{"function": "wait", "change": "sleep(2)"}, {"function": "wait", "change": "sleep(4)"}]
    noticed, changed, other = (
        Survivor(name, "sleep(1)", after)
        for name, after in (("wait", "time.sleep(2)"), ("wait", "time.sleep(3)"), ("poll", "time.sleep(2)"))
    )
    assert explain(explained, [noticed, changed, other]) == ([changed, other], ["wait: sleep(4)"])


def test_a_repeated_run_tests_what_was_not_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants, "FOLDER", tmp_path)
    results = tmp_path / "lock" / "mutants" / "sagebuild" / "lock.py.meta"
    results.parent.mkdir(parents=True)
    codes = {"by a test": 1, "by mypy": 37, "by nothing": 0, "hangs": 36}
    results.write_text(json.dumps({"exit_code_by_key": codes, "hash_by_function_name": {}}), encoding="utf-8")
    assert keep_results("lock") == tmp_path / "lock"
    kept = {"by a test": 1, "by mypy": 37, "by nothing": None, "hangs": None}
    assert json.loads(results.read_text(encoding="utf-8")) == {"exit_code_by_key": kept, "hash_by_function_name": {}}


def test_the_modules_name_files_and_tests_that_exist() -> None:
    for name, module in read_modules().items():
        assert all((ROOT / file).is_file() for file in module["files"]), name
        for path, _, test in (test.partition("::") for test in module["tests"] if not test.startswith("-k=")):
            assert not test or re.search(rf"^def {test}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
            assert (ROOT / path).is_file(), path


def test_each_reason_is_about_a_function_of_its_module() -> None:
    for name, module in read_modules().items():
        texts = "\n".join((ROOT / file).read_text(encoding="utf-8") for file in module["files"])
        for each in read_explained(name):
            assert each.keys() == {"function", "change", "reason"}
            assert re.search(rf"^ *def {each['function'].rpartition('.')[2]}\(", texts, re.MULTILINE), each
