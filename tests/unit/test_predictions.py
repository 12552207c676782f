"""What an endpoint is sent, and what its answers become in Python."""

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sagebuild.client.answers import decode
from sagebuild.client.prediction import predict
from sagebuild.client.request_data import encode
from sagebuild.errors import EndpointError, InputError
from sagebuild.service import Service

SERVICE = Service({"STACK_NAME": "sagebuild-test"}, lambda name: pytest.fail(f"no AWS is needed: {name}"))


def test_a_text_that_names_a_file_is_that_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.json").write_bytes(b"[[1]]")
    with pytest.warns(UserWarning, match=r"'rows\.json' is a file, so its content is sent"):
        assert encode("rows.json") == (b"[[1]]", "application/json")
    with pytest.warns(UserWarning, match="is a file"):
        assert encode(str(tmp_path / "rows.json"), "text/csv") == (b"[[1]]", "text/csv")
    assert encode(b"rows.json", "text/plain") == (b"rows.json", "text/plain")


@pytest.mark.parametrize("text", ["rows.csv", "data/rows.csv", "my data/rows.parquet", "photo.JPG"])
def test_the_name_of_a_file_that_is_not_there_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=f"There is no file {text}; to send this text"):
        encode(text)


@pytest.mark.parametrize(
    "text", ["", "1,2", "5.1 3.5", "see notes.txt", "a\nb.csv", '{"a": "b.csv"}', "x" * 5000, "\0"]
)
def test_other_texts_are_data(text: str) -> None:
    assert encode(text) == (text.encode(), "text/csv")


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.csv", "text/csv"),
        ("a.jsonl", "application/jsonlines"),
        ("a.parquet", "application/x-parquet"),
        ("a.txt", "text/plain"),
        ("a.PNG", "image/png"),
        ("a.jpeg", "image/jpeg"),
    ],
)
def test_the_suffix_of_a_file_selects_the_content_type(tmp_path: Path, name: str, content_type: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\x00")
    assert encode(tmp_path / name) == (b"\xff\x00", content_type)


@pytest.mark.parametrize(
    ("data", "content_type", "body"),
    [
        ({"rows": np.array([[1, 2]]), "scale": np.float64(0.5)}, None, b'{"rows": [[1, 2]], "scale": 0.5}'),
        ([[1, 2], [3, 4]], "application/jsonlines", b"[1, 2]\n[3, 4]\n"),
        ([{"a": 1}, {"a": 2}], "application/jsonlines", b'{"a": 1}\n{"a": 2}\n'),
        (np.array([[1, 2], [3, 4]]), "application/jsonlines", b"[1, 2]\n[3, 4]\n"),
        ([{"a": 1, "b": 2}, {"b": 3}], "text/csv", b"1,2\n,3\n"),
        ([{"a": 1, "b": 2}], "text/csv; header=present", b"a,b\n1,2\n"),
        ([np.int64(1), 2], "text/csv", b"1\n2\n"),
        ((1, 2), "text/csv", b"1\n2\n"),
    ],
)
def test_values_are_written_by_content_type(data: Any, content_type: str | None, body: bytes) -> None:
    assert encode(data, content_type) == (body, content_type or "application/json")


def test_a_list_is_sent_as_an_array_of_numpy() -> None:
    body, _ = encode([[1, 2]], "application/x-npy")
    assert np.load(io.BytesIO(body)).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("data", "content_type", "sentence"),
    [
        ({"a": 1}, "text/csv", "A dict cannot be written as text/csv; pass a list of rows"),
        ([[1], [1, 2]], "application/x-npy", "A list cannot be sent as application/x-npy"),
        ([[1, 2]], "text/csv; header=present", "A list has no column names for the header"),
        ([[1, 2]], "image/png", "A list cannot be sent as image/png"),
    ],
)
def test_values_without_a_form_in_the_content_type_are_refused(data: Any, content_type: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        encode(data, content_type)


def test_parquet_without_pandas_names_the_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match="are not installed: pip install pandas pyarrow"):
        encode([[1, 2]], "application/x-parquet")
    with pytest.raises(InputError, match="are not installed: pip install pandas pyarrow"):
        decode(b"PAR1", "application/x-parquet")


# The answers of field/inputs/odd-answers, and others of their kind.
@pytest.mark.parametrize(
    ("body", "content_type", "sentence"),
    [
        (
            b"prediction is 5",
            "application/json",
            "15 bytes as application/json.*begins with b'prediction is 5'",
        ),
        (b"", "application/json", "it is empty"),
        (b"caf\xe9", "text/csv", r"begins with b'caf\\xe9'"),
        (b"caf\xe9", "text/plain; charset=utf-8", "raw=True"),
        (b"seven", "text/plain; charset=none-such", "unknown encoding"),
        (b"\x00\x01", "application/x-npy", "as application/x-npy"),
        (b"[" * 100_000, "application/json", "begins with"),
        (b'{"a": 1}\nnone', "application/jsonlines", "as application/jsonlines"),
    ],
)
def test_an_answer_of_another_type_is_named(body: bytes, content_type: str, sentence: str) -> None:
    with pytest.raises(EndpointError, match=sentence):
        decode(body, content_type)


@pytest.mark.parametrize(
    ("body", "content_type", "answer"),
    [
        (b'{"a": 1}\n{"a": 2}\n', "application/jsonlines", [{"a": 1}, {"a": 2}]),
        (b"caf\xe9", "text/plain; charset=latin-1", "café"),
        (b'{"a": 1}', "application/vnd.api+json", {"a": 1}),
        (b"\xff", "", b"\xff"),
    ],
)
def test_answers_are_read_by_content_type(body: bytes, content_type: str, answer: Any) -> None:
    assert decode(body, content_type) == answer


class Runtime:
    """SageMaker's runtime, which answers with these bytes."""

    def __init__(self, body: bytes, content_type: str) -> None:
        self.body, self.content_type = body, content_type

    def invoke_endpoint(self, **_request: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.body), "ContentType": self.content_type}


@pytest.mark.parametrize(
    ("body", "content_type", "answer"),
    [
        (b"[1, 2]", "application/json", np.array([1, 2])),
        (b"[[1], [1, 2]]", "application/json", [[1], [1, 2]]),
        (b'{"predictions": [1]}', "application/json", {"predictions": [1]}),
        (b'[{"label": 1}]', "application/json", [{"label": 1}]),
        (b"\xff", "image/png", b"\xff"),
    ],
)
def test_rows_become_an_array_if_the_request_was_one(body: bytes, content_type: str, answer: Any) -> None:
    runtime = Runtime(body, content_type)
    given = predict(SERVICE, runtime, np.array([[1]]), None, "application/json", header=False, raw=False)
    assert type(given) is type(answer)
    assert np.array_equal(given, answer) if isinstance(answer, np.ndarray) else given == answer


def test_the_raw_answer_is_not_read() -> None:
    runtime = Runtime(b"no JSON", "application/json")
    assert predict(SERVICE, runtime, [[1]], None, "application/json", header=False, raw=True) == b"no JSON"


def test_data_that_nothing_can_send_are_refused_in_a_sentence() -> None:
    nested: Any = "a"
    for _ in range(sys.getrecursionlimit() + 1000):  # jedi raises the limit
        nested = [nested]
    with pytest.raises(InputError, match=r"recursion|circular|nest"):
        encode(nested, "application/json")
    with pytest.raises(InputError, match="nest too deeply to be written as text/csv"):
        encode([[1, nested]], "text/csv")
    with pytest.raises(InputError, match=r"'\\ud800' is no character"):
        encode("a\ud800,1", "text/csv")
