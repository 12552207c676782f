"""One deployment for all end-to-end tests."""

import pytest

from tests.e2e.stack import DeployedStack, deploy
from tests.engine import Engine


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
