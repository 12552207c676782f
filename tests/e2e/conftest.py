"""One deployment for all end-to-end tests."""

from collections.abc import Iterator

import pytest

from tests.e2e.stack import DeployedStack, deploy
from tests.engine import Engine, running_engine


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine of their own, where waiting passes faster than in the tests that measure it."""
    with running_engine(tmp_path_factory.mktemp("local"), "--time-scale", "40") as engine:
        yield engine


@pytest.fixture(scope="session")
def deployed(engine: Engine) -> DeployedStack:
    """The service, deployed."""
    return deploy(engine)


@pytest.fixture(scope="session")
def serving(deployed: DeployedStack) -> None:
    """An endpoint that serves what an earlier build made."""
    assert deployed.build()["status"] == "succeeded"


@pytest.fixture
def stack(deployed: DeployedStack) -> DeployedStack:
    """The service with parameters that build."""
    deployed.set_parameters()
    return deployed
