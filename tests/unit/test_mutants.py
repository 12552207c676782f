"""`make mutants` finds its files and tests, and each surviving change needs a reason."""

import re

from tests.engine import ROOT
from tools.mutants import Survivor, explain, read_explained, read_modules


def test_a_survivor_needs_a_reason_and_a_reason_a_survivor() -> None:
    explained = [{"function": "wait", "change": "sleep(2)"}, {"function": "wait", "change": "sleep(4)"}]
    noticed, changed, other = (
        Survivor(name, "sleep(1)", after)
        for name, after in (("wait", "time.sleep(2)"), ("wait", "time.sleep(3)"), ("poll", "time.sleep(2)"))
    )
    assert explain(explained, [noticed, changed, other]) == ([changed, other], ["wait: sleep(4)"])


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
