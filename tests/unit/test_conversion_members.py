"""Every member of SageMaker's requests and answers is classified for the conversion."""

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from sagebuild.client.conversion.members import Used
from sagebuild.client.conversion.requests import KINDS

SAGEMAKER = botocore.session.get_session().get_service_model("sagemaker")
SHAPES = {
    "training": ("CreateTrainingJobRequest", "DescribeTrainingJobResponse"),
    "tuning": ("CreateHyperParameterTuningJobRequest", "DescribeHyperParameterTuningJobResponse"),
    "model": ("CreateModelInput", "DescribeModelOutput"),
    "endpointConfig": ("CreateEndpointConfigInput", "DescribeEndpointConfigOutput"),
}


def find_gaps(shape: Any, table: Any, place: str) -> Iterator[str]:
    """Yield the members of a shape that its table lacks, and the structures whose members it does not name."""
    while shape.type_name == "list":
        shape = shape.member
    if shape.type_name != "structure":
        return
    if not isinstance(table, dict):
        if isinstance(table, Used):
            yield place
        return
    for name, member in shape.members.items():
        if name not in table:
            yield f"{place}.{name}"
        else:
            yield from find_gaps(member, table[name], f"{place}.{name}")


def list_members(shape: Any) -> set[str]:
    """Return the names of all members of a shape and of the structures in it."""
    while shape.type_name == "list":
        shape = shape.member
    names: set[str] = set()
    for name, member in shape.members.items() if shape.type_name == "structure" else ():
        names |= {name} | {f"{name}.{inner}" for inner in list_members(member)}
    return names


def list_table(table: Any) -> set[str]:
    """Return the names of all members of a table."""
    names: set[str] = set()
    for name, fate in table.items():
        names |= {name} | ({f"{name}.{inner}" for inner in list_table(fate)} if isinstance(fate, dict) else set())
    return names


@pytest.mark.parametrize("kind", SHAPES)
def test_every_member_is_classified(kind: str) -> None:
    shapes = [SAGEMAKER.shape_for(name) for name in SHAPES[kind]]
    assert [gap for shape in shapes for gap in find_gaps(shape, KINDS[kind].members, kind)] == []


@pytest.mark.parametrize("kind", SHAPES)
def test_no_member_is_classified_that_sagemaker_does_not_have(kind: str) -> None:
    known = set().union(*(list_members(SAGEMAKER.shape_for(name)) for name in SHAPES[kind]))
    assert list_table(KINDS[kind].members) - known == set()


@pytest.mark.parametrize("kind", SHAPES)
def test_a_member_that_is_new_is_found(kind: str) -> None:
    shape: Any = SAGEMAKER.shape_for(SHAPES[kind][0])
    first, *others = KINDS[kind].members
    without = {name: KINDS[kind].members[name] for name in others}
    assert list(find_gaps(shape, without, kind)) == [f"{kind}.{first}"] * (first in shape.members)
