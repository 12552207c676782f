"""Invokes the stack's endpoint with numpy, pandas, lists, JSON, CSV or the bytes of a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.client.aws_errors import translating_errors
from sagebuild.client.descriptions import suggest
from sagebuild.errors import EndpointError, InputError
from sagebuild.names import name_endpoint
from sagebuild.running.endpoint import describe_endpoint
from sagebuild.service import Service, aws_call

CSV, JSON, NPY = "text/csv", "application/json", "application/x-npy"
CONTENT_TYPES: Mapping[str, str] = {
    ".csv": CSV,
    ".json": JSON,
    ".jsonl": "application/jsonlines",
    ".npy": NPY,
    ".txt": "text/plain",
}
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
_MAXIMUM_MB = 25


def predict(service: Service, runtime: Any, data: Any, content_type: str | None, accept: str) -> Any:
    """Return the endpoint's prediction; see `Stack.predict`."""
    body, content_type = encode(data, content_type)
    if len(body) > _MAXIMUM_MB * 1024 * 1024:
        raise InputError(
            f"The request has {len(body)} bytes; an endpoint accepts at most {_MAXIMUM_MB} MB. Split the request."
        )
    name = name_endpoint(service)
    with translating_errors(), aws_call(f"invoke the endpoint {name}"):
        try:
            answer = runtime.invoke_endpoint(EndpointName=name, ContentType=content_type, Accept=accept, Body=body)
        except ClientError as error:
            raise _translate(service, error) from error
    decoded = decode(answer["Body"].read(), answer["ContentType"])
    return _to_array(decoded) if hasattr(data, "__array__") else decoded


def encode(data: Any, content_type: str | None = None) -> tuple[bytes, str]:
    """Return a request's bytes and their content type.

    Raises
    ------
    InputError
        The data cannot be written in that content type.
    """
    if isinstance(data, Path):
        return _read_file(data, content_type)
    if isinstance(data, bytes | str):
        body = data.encode() if isinstance(data, str) else data
        return body, content_type or (CSV if isinstance(data, str) else "application/octet-stream")
    if hasattr(data, "__array__"):
        return _encode_array(data, content_type or CSV)
    if content_type in (None, JSON):
        try:
            return json.dumps(data).encode(), JSON
        except TypeError as error:
            raise InputError(f"{error}; pass numpy, pandas, text, bytes, or values that JSON can hold.") from None
    if content_type == CSV:
        return _to_csv(data), CSV
    raise InputError(f"A {type(data).__name__} cannot be sent as {content_type}; use {JSON} or {CSV}.")


def decode(body: bytes, content_type: str) -> Any:
    """Return a response as Python values: JSON's value, CSV's rows, npy's array, the text of text/*, else the bytes."""
    kind = content_type.partition(";")[0].strip()
    if kind == JSON:
        return json.loads(body)
    if kind == CSV:
        return [[_to_number(cell) for cell in row] for row in csv.reader(io.StringIO(body.decode()))]
    if kind == NPY:
        import numpy

        return numpy.load(io.BytesIO(body), allow_pickle=False)
    return body.decode() if kind.startswith("text/") else body


def _read_file(path: Path, content_type: str | None) -> tuple[bytes, str]:
    kind = content_type or CONTENT_TYPES.get(path.suffix.lower())
    if kind is None:
        known = ", ".join(CONTENT_TYPES)
        raise InputError(f"The content type of {path} is unknown; pass content_type, or a file named {known}.")
    try:
        return path.read_bytes(), kind
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None


def _encode_array(data: Any, content_type: str) -> tuple[bytes, str]:
    """Encode a numpy array or pandas object. Only this needs numpy, so numpy is imported here."""
    import numpy

    array = numpy.asarray(data)
    if content_type == JSON:
        return json.dumps(array.tolist()).encode(), JSON
    file = io.BytesIO()
    if content_type == NPY:
        numpy.save(file, array, allow_pickle=False)
    elif content_type == CSV and array.ndim <= 2:
        return _to_csv(numpy.atleast_2d(array).tolist()), CSV
    else:
        raise InputError(
            f"An array of {array.ndim} dimensions cannot be sent as {content_type}; {NPY} and {JSON} accept any number "
            f"of dimensions, {CSV} one or two."
        )
    return file.getvalue(), content_type


def _to_csv(rows: Any) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    try:
        writer.writerows(row if isinstance(row, list | tuple) else [row] for row in rows)
    except TypeError:
        raise InputError(f"A {type(rows).__name__} cannot be written as {CSV}; pass a list of rows.") from None
    return text.getvalue().encode()


def _to_array(decoded: Any) -> Any:
    import numpy

    return numpy.asarray(decoded)


def _to_number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def _translate(service: Service, error: ClientError) -> Exception:
    code = error.response["Error"]["Code"]
    name, message = name_endpoint(service), error.response["Error"].get("Message", "")
    if code == "ModelError":
        return EndpointError(f"The model of the endpoint {name} failed: {message}")
    if code not in {"ValidationError", "ValidationException"}:
        return error
    endpoint = describe_endpoint(service)
    if endpoint is None:
        return EndpointError(
            f"There is no endpoint {name} yet; the first successful build creates it: "
            f"{suggest(service, 'start --watch')}."
        )
    if endpoint.status != "InService":
        return EndpointError(f"The endpoint {name} is {endpoint.status}; try again when it is InService.")
    return EndpointError(f"The endpoint {name} rejected the request: {message}")
