"""The items of a distributed Map state: read from S3, and put into batches."""

import csv
import gzip
import io
import itertools
import json
from collections.abc import Iterator
from typing import Any

from local.states.shapes import to_text

Json = dict[str, Any]
# https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
_DELIMITERS = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}
# The size of a batch has this upper limit, and as default.
_MAX_BATCH_BYTES = 256 * 1024


class ItemError(Exception):
    """The items cannot be read: the cause of States.ItemReaderFailed."""


def read_items(client: Any, action: str, request: Json, config: Json) -> Iterator[Any]:
    """The items of a Map state, from S3.

    Parameters
    ----------
    client
        S3, in the role of the execution.
    action
        ``listObjectsV2`` or ``getObject``.
    request
        The request of the action.
    config
        The ReaderConfig of the state.

    Raises
    ------
    ItemError
        For an object that does not have the format of its InputType.
    """
    if action == "listObjectsV2":
        return _list_objects(client, request)
    body = client.get_object(**request)["Body"].read()
    match config.get("InputType"):
        case "CSV":
            return _read_csv(_text(body), config)
        case "JSONL":
            return (_load(line) for line in _text(body).splitlines() if line.strip())
        case "MANIFEST":
            return _read_manifest(client, body)
        case _:
            return _read_json(body)


def batches(items: list[Any], options: Json) -> Iterator[tuple[Json, int]]:
    """The inputs of the batches of items, each with its number of items."""
    # Step Functions also takes the numbers as text.
    size = int(options.get("MaxItemsPerBatch") or len(items))
    limit = int(options.get("MaxInputBytesPerBatch") or _MAX_BATCH_BYTES)
    common = {name: options[name] for name in ("BatchInput",) if name in options}
    batch: list[Any] = []
    for item in items:
        fits = len(to_text(common | {"Items": [*batch, item]}).encode()) <= limit
        if batch and (len(batch) >= size or not fits):
            yield common | {"Items": batch}, len(batch)
            batch = []
        batch.append(item)
    if batch:
        yield common | {"Items": batch}, len(batch)


def _list_objects(client: Any, request: Json) -> Iterator[Json]:
    for page in client.get_paginator("list_objects_v2").paginate(**request):
        for item in page.get("Contents", []):
            yield {
                "Etag": item["ETag"],
                "Key": item["Key"],
                "LastModified": int(item["LastModified"].timestamp()),
                "Size": item["Size"],
                "StorageClass": item.get("StorageClass", "STANDARD"),
            }


def _read_json(body: bytes) -> Iterator[Any]:
    items = _load(_text(body))
    if not isinstance(items, list):
        raise ItemError("Attempting to map over non-iterable node.")
    return iter(items)


def _read_csv(text: str, config: Json) -> Iterator[Json]:
    rows = csv.reader(io.StringIO(text), delimiter=_DELIMITERS[config.get("CSVDelimiter", "COMMA")])
    headers = config["CSVHeaders"] if config.get("CSVHeaderLocation") == "GIVEN" else next(rows, [])
    if len(set(headers)) < len(headers):
        raise ItemError("CSV headers cannot contain duplicates.")
    # An empty line is a row of empty values, and missing values are empty.
    return (dict(itertools.zip_longest(headers, row[: len(headers)], fillvalue="")) for row in rows)


def _read_manifest(client: Any, body: bytes) -> Iterator[Json]:
    """The objects of an S3 inventory, whose files are gzipped CSV."""
    manifest = _load(_text(body))
    if manifest.get("fileFormat", "CSV") != "CSV":
        raise ItemError(f"Only inventories in CSV are read here, not {manifest['fileFormat']}.")
    if missing := [name for name in ("fileSchema", "destinationBucket", "files") if name not in manifest]:
        raise ItemError(f"The object is not the manifest of an inventory; it lacks {', '.join(missing)}.")
    headers = [name.strip() for name in manifest["fileSchema"].split(",")]
    bucket = manifest["destinationBucket"].rsplit(":", 1)[-1]
    for file in manifest["files"]:
        content = client.get_object(Bucket=bucket, Key=file["key"])["Body"].read()
        yield from _read_csv(_text(gzip.decompress(content)), {"CSVHeaderLocation": "GIVEN", "CSVHeaders": headers})


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ItemError(f"The object is not text in UTF-8: {error}") from error


def _load(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ItemError(f"The object is not valid JSON: {error}") from error
