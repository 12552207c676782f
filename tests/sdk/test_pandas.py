"""A request and an answer may be a pandas table; pandas comes with the SageMaker SDK."""

import io
import json

import pandas
import pytest

from sagebuild.client.answers import decode
from sagebuild.client.request_data import encode
from sagebuild.errors import InputError

TABLE = pandas.DataFrame({"a": [1, 2], "b": [3, 4]})


@pytest.mark.parametrize(
    ("content_type", "header", "body"),
    [
        (None, False, b"1,3\n2,4\n"),
        (None, True, b"a,b\n1,3\n2,4\n"),
        ("text/csv; header=present", False, b"a,b\n1,3\n2,4\n"),
        ("application/json", False, b'[{"a":1,"b":3},{"a":2,"b":4}]'),
        ("application/jsonlines", False, b'{"a": 1, "b": 3}\n{"a": 2, "b": 4}\n'),
    ],
)
def test_a_table_keeps_the_names_that_its_content_type_allows(
    content_type: str | None, header: bool, body: bytes
) -> None:
    assert encode(TABLE, content_type, header=header) == (body, content_type or "text/csv")


def test_a_table_is_sent_in_pandas_split_layout() -> None:
    body, kind = encode(TABLE, "application/json; format=pandas-split")
    assert kind == "application/json; format=pandas-split"
    assert json.loads(body) == {"columns": ["a", "b"], "index": [0, 1], "data": [[1, 3], [2, 4]]}


def test_a_table_without_names_is_sent_as_rows() -> None:
    assert encode(pandas.DataFrame([[1, 2]]), "application/json") == (b"[[1,2]]", "application/json")
    assert encode(pandas.Series([1, 2]), "application/json") == (b"[1, 2]", "application/json")


def test_missing_values_and_times_are_valid_json() -> None:
    table = pandas.DataFrame({"at": [pandas.Timestamp("2026-01-02")], "x": [float("nan")]})
    [row] = json.loads(encode(table, "application/json")[0])
    assert (row["at"][:10], row["x"]) == ("2026-01-02", None)


def test_repeated_names_are_refused_as_json() -> None:
    with pytest.raises(InputError, match="cannot be sent as application/json"):
        encode(pandas.DataFrame([[1, 2]], columns=["a", "a"]), "application/json")


@pytest.mark.parametrize("data", [TABLE, {"a": [1, 2], "b": [3, 4]}, [{"a": 1, "b": 3}, {"a": 2, "b": 4}]])
def test_parquet_keeps_names_and_types(data: object) -> None:
    body, kind = encode(data, "application/x-parquet")
    assert kind == "application/x-parquet"
    assert pandas.read_parquet(io.BytesIO(body)).equals(TABLE)
    assert decode(body, kind).equals(TABLE)
