"""What every test may ask for."""

from collections.abc import Iterator

import pytest

from tests.engine import Engine, running_engine


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The one local/ of this test session, where waiting passes 20 times as fast."""
    with running_engine(tmp_path_factory.mktemp("local"), "--time-scale", "20") as engine:
        yield engine
