"""Fixtures for the tests of local/."""

import uuid
from collections.abc import Iterator

import pytest

from tests.engine import Engine
from tests.local.stack import Stack


@pytest.fixture
def stack(engine: Engine) -> Iterator[Stack]:
    """A stack with a unique name, deleted after the test."""
    made = Stack(engine, f"stack-{uuid.uuid4().hex[:8]}")
    yield made
    if made.id:
        made.api.delete_stack(StackName=made.id)
        made.settled()
