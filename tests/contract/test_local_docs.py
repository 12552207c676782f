"""The pages about local/ show what the engine serves, and commands that it accepts."""

from tests.contract.test_links import PAGES
from tools.generate_local_docs import README, write_page


def test_the_table_of_operations_is_up_to_date() -> None:
    text = README.read_text(encoding="utf-8")
    assert write_page(text) == text, "run `make docs`"


def test_the_table_tells_own_operations_from_those_of_moto() -> None:
    rows = [line.strip("| ").split(" | ") for line in write_page("").splitlines() if line.startswith("| ")][1:]
    served = {name: (int(total), int(own), int(moto), int(missing)) for name, total, own, moto, missing in rows}
    assert served["sagemaker-runtime"] == (3, 3, 0, 0)
    assert served["kms"][1] == 0
    assert served["cloudformation"][2] == 0
    assert served["cloudformation"][1] > 15
    assert served["sagemaker"][1] > 40
    assert all(total == own + moto + missing for total, own, moto, missing in served.values())


def test_the_commands_for_the_own_pages_of_the_engine_have_its_key() -> None:
    lines = [line for page in PAGES for line in page.read_text(encoding="utf-8").splitlines()]
    commands = [line for line in lines if "curl" in line and "/_local/" in line and "/_local/health" not in line]
    assert commands
    assert [line for line in commands if 'X-Local: $AWS_ACCESS_KEY_ID"' not in line] == []
    assert [line for line in lines if "AWS_ACCESS_KEY_ID=local" in line] == []
