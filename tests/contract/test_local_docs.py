"""The table of operations in local/README.md shows what the engine serves."""

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
