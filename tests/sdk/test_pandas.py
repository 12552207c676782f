"""A question may be a pandas table; pandas comes with the SageMaker SDK."""

import pandas

from sagebuild.client.prediction import encode


def test_a_pandas_table_is_sent_as_rows() -> None:
    assert encode(pandas.DataFrame({"a": [1, 2], "b": [3, 4]})) == (b"1,3\n2,4\n", "text/csv")
