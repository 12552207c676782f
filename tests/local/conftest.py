"""What the tests of local/ may ask for."""

import uuid
from collections.abc import Iterator

import pytest

from tests.engine import Engine
from tests.local.stack import Stack


@pytest.fixture
def stack(engine: Engine) -> Iterator[Stack]:
    """A stack of a name of its own, deleted after the test."""
    made = Stack(engine, f"stack-{uuid.uuid4().hex[:8]}")
    yield made
    if made.id:
        made.api.delete_stack(StackName=made.id)
        made.settled()
