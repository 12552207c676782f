"""The requests that sagebuild builds become documents from which it builds the same requests; no value disappears."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest

from sagebuild.errors import InputError
from tests.unit.conversions import OPTIONS, build, convert
from tests.unit.golden_requests import DOCUMENTS, GOLDEN, build_requests
from tests.unit.test_conversion_members import SAGEMAKER, SHAPES

# The image of an engine becomes one of framework BYOD. The requests of a tuning job are below, in OPTIONS.
TRAINED = [
    name
    for name, document in DOCUMENTS.items()
    if document["framework"] != "LLM" and document.get("configtrain") != "SAGEMAKERHPO"
]


@pytest.mark.parametrize("name", TRAINED)
def test_the_golden_requests_come_back(name: str) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    requests = {kind: golden[kind] for kind in ("training", "model", "endpointConfig")}
    result = convert(*requests.values())
    assert (result.unconverted, result.problems, result.notes) == ((), (), ())
    again = build_requests(result.document)
    assert {kind: again[kind] for kind in requests} == requests


@pytest.mark.parametrize("name", OPTIONS)
def test_the_requests_of_every_option_come_back(name: str) -> None:
    requests = build(OPTIONS[name])
    result = convert(*requests.values())
    assert (result.unconverted, result.problems, result.notes) == ((), (), ())
    assert build(result.document) == requests


@pytest.mark.parametrize("framework", [None, "PYTORCH", "TENSORFLOW"])
@pytest.mark.parametrize("kind", SHAPES)
def test_no_value_of_a_request_disappears(kind: str, framework: str | None) -> None:
    """Every string and number of a request with all members is in the document, listed, or set by sagebuild."""
    for name in SHAPES[kind]:
        body = fill(SAGEMAKER.shape_for(name), count(1000), "")
        body.pop("Containers" if "PrimaryContainer" in body else "TrainingJobDefinitions", None)
        result = convert(body, framework=framework)
        seen = json.dumps([result.document, [entry.value for entry in result.unconverted]])
        lost = [
            (field, value)
            for field, value in list_values(body, "")
            if not any(str(value // unit if unit > 1 else value) in seen for unit in units_of(value))
            and not any(f"{field}.".startswith((f"{given}.", f"{given}[")) for given in result.given)
        ]
        assert lost == []


def fill(shape: Any, numbers: Any, place: str) -> Any:
    """Return a value of a shape with all members; each string and whole number occurs once."""
    match shape.type_name:
        case "structure":
            return {name: fill(member, numbers, name) for name, member in shape.members.items()}
        case "list":
            return [fill(shape.member, numbers, place)]
        case "map":
            return {f"name{next(numbers)}": fill(shape.value, numbers, place)}
        case "boolean":
            return True
        case "integer" | "long" | "float":
            in_hours = place in ("MaxRuntimeInSeconds", "MaxWaitTimeInSeconds")
            return next(numbers) * (3600 if in_hours else 1024 if place == "MemorySizeInMB" else 1)
        case "timestamp":
            return f"2026-01-01T00:00:00.{next(numbers)}"
    return shape.enum[0] if getattr(shape, "enum", None) else f"text{next(numbers)}"


def list_values(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield every string and number with its field."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from list_values(inner, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from list_values(inner, f"{place}[{number}]")
    elif not isinstance(value, bool) and re.search("[0-9]{4}", str(value)):
        yield place, value


def units_of(value: Any) -> tuple[int, ...]:
    """Return the units in which a document may have a value: itself, hours for seconds, GB for MB."""
    return (1, 3600, 1024) if isinstance(value, int) else (1,)


@pytest.mark.parametrize("kind", ["training", "tuning", "model", "endpointConfig"])
def test_a_damaged_request_is_converted_or_refused_with_a_sentence(kind: str) -> None:
    """Each value of a request in turn becomes another one."""
    document = OPTIONS["asynchronous" if kind == "endpointConfig" else "pipeline" if kind == "model" else kind]
    text = json.dumps(build(document)[kind])
    for number in range(len(list(list_places(json.loads(text))))):
        body = json.loads(text)
        holder, key = list(list_places(body))[number]
        holder[key] = (None, 7, [], [{}], {"Values": 3}, "none")[number % 6]
        with suppress(InputError):
            convert(body)


def list_places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every object and array in a value with each of its keys."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from list_places(value[key])
