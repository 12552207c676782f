"""How local/ splits the objects of a transform job, and filters and joins their records."""

from typing import Any

import pytest

from local.sagemaker.pipes import wrap_record
from local.sagemaker.transform_records import Processing, RecordError, batch, split, unwrap

MEGABYTE = 1024 * 1024


def process(content_type: str, **settings: str) -> Processing:
    return Processing({"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"} | settings, content_type)


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (b"1,2\n3,4", [b"1,2", b"3,4"]),
        (b"1,2\n3,4\n", [b"1,2", b"3,4"]),
        (b"1,2\r\n3,4\r\n", [b"1,2\r", b"3,4\r"]),
        (b"1,2\n\n3,4\n\n", [b"1,2", b"", b"3,4", b""]),
        (b"\n", [b""]),
        (b"", []),
    ],
)
def test_lines_end_with_a_line_break_and_blank_ones_are_records(content: bytes, records: list[bytes]) -> None:
    assert split(content, "Line") == records
    assert split(content, "None") == [content]


def test_recordio_is_padded_and_only_whole_records_are_read() -> None:
    content = wrap_record(b"one") + wrap_record(b"") + wrap_record(b"four")
    records = split(content, "RecordIO")
    assert [unwrap(record) for record in records] == [b"one", b"", b"four"]
    assert b"".join(records) == content
    assert split(b"", "RecordIO") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (wrap_record(b"four")[:-1], "ends within a RecordIO record"),
        (wrap_record(b"four")[:7], "not in RecordIO format"),
        (wrap_record(b"four") + b"\n", "not in RecordIO format"),
        (b"1,2\n3,4\n", "not in RecordIO format"),
    ],
)
def test_an_object_without_whole_records_is_an_error(content: bytes, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        split(content, "RecordIO")


def test_a_request_has_the_records_that_fit_and_one_too_large_is_an_error() -> None:
    half = b"x" * (MEGABYTE // 2)
    assert list(map(len, batch([half] * 3, b"", MEGABYTE, single=False))) == [2, 1]
    assert list(map(len, batch([half] * 3, b"\n", MEGABYTE, single=False))) == [1, 1, 1], "with the line breaks"
    assert list(map(len, batch([half] * 3, b"", MEGABYTE, single=True))) == [1, 1, 1]
    with pytest.raises(RecordError, match="larger than MaxPayloadInMB"):
        batch([b"1", half * 2 + b"x"], b"\n", MEGABYTE, single=False)


@pytest.mark.parametrize(
    ("record", "filtered"),
    [
        (b"id,1,2", b"1,2"),
        (b"id,1,2\r", b"1,2"),
        (b'"a,""b""",1,"c,d"', b'1,"c,d"'),
        ('"Zoë",ä,1'.encode(), "ä,1".encode()),
        (b"id,,", b","),
        (b"id,  1, 2.50", b"  1, 2.50"),
        (b"", b""),
        (b"id," + b"x" * 200_000, b"x" * 200_000),
    ],
)
def test_a_row_of_csv_is_filtered_with_its_quotes(record: bytes, filtered: bytes) -> None:
    assert process("text/csv", InputFilter="$[1:]").filter_input(record) == filtered


@pytest.mark.parametrize("record", [b'1,"a', b'1,"a"b', b"1,a\rb", b"\xff,1"])
def test_a_row_with_a_line_break_in_quotes_or_without_utf_8_is_an_error(record: bytes) -> None:
    with pytest.raises(RecordError, match="not valid text/csv on one line"):
        process("text/csv", InputFilter="$[1:]").filter_input(record)


@pytest.mark.parametrize(
    ("records", "answer", "joined"),
    [
        ([b'{"id":1}', b'{"id":2}'], b'{"p":3}\n{"p":4}\n', ['{"id":1,"SageMakerOutput":{"p":3}}',
                                                            '{"id":2,"SageMakerOutput":{"p":4}}']),
        ([b"[1,2]"], b"0.5", ['{"SageMakerInput":[1,2],"SageMakerOutput":0.5}']),
        ([b'{"SageMakerOutput":1}'], b"2", ['{"SageMakerOutput":2}']),
        ([b'{"id":1}\r'], b"[3]\r\n", ['{"id":1,"SageMakerOutput":[3]}']),
    ],
)  # fmt: skip
def test_lines_of_json_are_joined_one_by_one(records: list[bytes], answer: bytes, joined: list[str]) -> None:
    lines = "application/jsonlines"
    assert process(lines, JoinSource="Input").build_output(records, answer, lines).decode().split("\n") == joined


@pytest.mark.parametrize(
    ("records", "answer", "kind", "message"),
    [
        ([b"1", b"2"], b"3\n", "text/csv", "2 records have 1 answers"),
        ([b"1", b""], b"3\n4\n5\n", "text/csv", "2 records have 3 answers"),
        ([b"1"], b"[3]", "application/json", "mismatched MediaType"),
        ([b"1"], b"3", "text/plain", "a filter or join needs CSV or JSON"),
        ([b"1"], b"3", "", "the type \\(none\\)"),
    ],
)
def test_answers_that_do_not_fit_the_records_are_an_error(
    records: list[bytes], answer: bytes, kind: str, message: str
) -> None:
    with pytest.raises(RecordError, match=message):
        process("text/csv", JoinSource="Input").build_output(records, answer, kind)


def test_a_json_object_is_one_record_whatever_lines_it_has() -> None:
    whole: Any = b'{\n  "features": [1, 2],\n  "id": 7\n}\n'
    job = process("application/json", InputFilter="$.features", JoinSource="Input", OutputFilter="$['id']")
    assert job.filter_input(whole) == b"[1,2]"
    assert job.build_output([whole], b'{"label": 1}\n', "application/json") == b"7"
