"""How local/ splits the objects of a transform job, and filters and joins their records."""

import io
import json
import time
from typing import Any

import pytest

from local.sagemaker import transform_records, transform_values
from local.sagemaker.pipes import wrap_record
from local.sagemaker.transform_records import Processing, build_requests
from local.sagemaker.transform_values import RecordError, convert

MEGABYTE = 1024 * 1024


def process(content_type: str, **settings: str) -> Processing:
    return Processing({"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"} | settings, content_type)


def split(content: bytes, split_type: str) -> list[bytes]:
    return list(transform_records.split(io.BytesIO(content), split_type))


def request(records: list[bytes], split_type: str, *, single: bool = False) -> list[bytes]:
    """The bodies of the requests for these records, with at most a megabyte each."""
    plain = process("text/csv")
    return [one.body for one in build_requests(iter(records), plain, split_type, MEGABYTE, single=single)]


def join(job: Processing, records: list[bytes], answer: bytes, answer_type: str) -> list[str]:
    """The lines of the output of a request for these records."""
    content = b"".join(record + b"\n" for record in records)
    return [line.decode() for line in job.build_output(content, "Line", answer, answer_type)]


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
    assert request(records, "RecordIO", single=True) == [b"one", b"", b"four"]
    assert request(records, "RecordIO") == [content]
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
    assert request([half] * 3, "None") == [half * 2, half]
    assert request([half] * 3, "Line") == [half, half, half], "with the line breaks"
    assert request([half[1:], half, half], "Line") == [half[1:] + b"\n" + half, half]
    assert request([half] * 3, "None", single=True) == [half] * 3
    with pytest.raises(RecordError, match="larger than MaxPayloadInMB"):
        request([b"1", half * 2 + b"x"], "Line")


def test_an_object_is_read_only_as_far_as_its_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = io.BytesIO(b"1,2\n" * MEGABYTE)
    requests = build_requests(transform_records.split(lines, "Line"), process("text/csv"), "Line", 1000, single=False)
    first = next(requests)
    assert first.body == b"\n".join([b"1,2"] * 250)
    assert first.records == b"1,2\n" * 250
    assert lines.tell() == 251 * 4
    monkeypatch.setattr(transform_records, "LARGEST_BYTES", 1000)
    for content, split_type in ((b"x" * 2000, "Line"), (b"x" * 2000, "None"), (wrap_record(b"x" * 2000), "RecordIO")):
        with pytest.raises(RecordError, match="larger than MaxPayloadInMB"):
            split(content, split_type)


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
    assert join(process(lines, JoinSource="Input"), records, answer, lines) == joined


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
        join(process("text/csv", JoinSource="Input"), records, answer, kind)


def test_a_json_object_is_one_record_whatever_lines_it_has() -> None:
    whole: Any = b'{\n  "features": [1, 2],\n  "id": 7\n}\n'
    job = process("application/json", InputFilter="$.features", JoinSource="Input", OutputFilter="$['id']")
    assert job.filter_input(whole) == b"[1,2]"
    assert list(job.build_output(whole, "None", b'{"label": 1}\n', "application/json")) == [b"7"]


@pytest.mark.parametrize(
    ("kind", "record", "answer"),
    [
        ("application/json", json.dumps([[number, number] for number in range(100_000)]).encode(), b'{"label":1}'),
        ("text/csv", ",".join(map(str, range(200_000))).encode(), b"0.5"),
    ],
)
def test_a_large_record_is_joined_in_a_program_of_its_own(kind: str, record: bytes, answer: bytes) -> None:
    parts, started = ((record, kind), (answer, kind)), time.thread_time()
    joined = convert("$", *parts)
    converted = time.thread_time()
    assert joined == transform_values._convert("$", *parts)
    assert converted - started < (time.thread_time() - converted) / 2, "the work was done in this thread"
    with pytest.raises(RecordError, match=f"a record is not valid {kind}"):
        convert("$", (b'"' + record, kind))
    with pytest.raises(RecordError, match=r"the path \$\.name is not in the record"):
        convert("$.name", *parts)
