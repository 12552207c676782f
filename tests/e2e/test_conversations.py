"""Each conversation has the effects that all ways have in common, through the server for assistants, on local/."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import read_build
from sagebuild.client.connection import connect
from sagebuild.client.stack import Stack
from sagebuild.launch.start import launch_build
from sagebuild.names import execution_arn
from sagebuild.parameters.store import write_document
from sagebuild.service import Service
from tests.assistants import Assistant, running_server
from tests.conversations.play import SITUATIONS, Situation, play
from tests.conversations.ways import Tools
from tests.conversations.world import OTHERS, World
from tests.e2e.stack import NAME, PARAMETERS, DeployedStack, wait_until

_places = count(1)


class LocalWorld(World):
    """A pipeline of the deployed stack. Its trainings do not end before their builds are stopped."""

    document = PARAMETERS | {"hyperparameters": {"trouble": "endless"}}

    def __init__(self, service: Service, model: dict[str, Any]) -> None:
        super().__init__(service)
        self._model = model

    def let_a_build_wait(self) -> None:
        """Let a build train, and then wait for approval."""
        write_document(self.service, {**PARAMETERS, "approval": "manual"}, overwrite=True)
        number = launch_build(self.service, OTHERS).number
        wait_until(lambda: read_build(self.service, number).approval_until)

    def create_model(self, name: str) -> None:
        """Create a model like that of an earlier build."""
        self.service.sagemaker.create_model(ModelName=name, **self._model)

    def deploy(self, endpoint: str, config: str) -> None:
        """Create or update the endpoint, and wait until it serves."""
        sagemaker = self.service.sagemaker
        exists = sagemaker.list_endpoints(NameContains=endpoint)["Endpoints"]
        change = sagemaker.update_endpoint if exists else sagemaker.create_endpoint
        change(EndpointName=endpoint, EndpointConfigName=config)
        wait_until(lambda: sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService")

    def end(self, status: str) -> None:
        """Stop the first build, unless a conversation has; the service finishes it then."""
        if status == "FAILED":
            self.service.stepfunctions.stop_execution(executionArn=execution_arn(self.service, 1))
        wait_until(lambda: read_state(self.service).running != 1)

    def close(self) -> None:
        """Stop what still runs."""
        for number in range(1, read_state(self.service).last_number + 1):
            if not read_build(self.service, number).has_ended:
                self.service.stepfunctions.stop_execution(executionArn=execution_arn(self.service, number))


@pytest.fixture(scope="module")
def client(deployed: DeployedStack) -> Iterator[Stack]:
    """The stack as the client library finds it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in deployed.engine.environment.items():
            patch.setenv(name, value)
        yield connect(NAME)


@pytest.fixture(scope="module")
def assistant(deployed: DeployedStack) -> Iterator[Assistant]:
    """One server for all conversations."""
    with running_server(deployed.engine.environment, "--allow-changes") as assistant:
        yield assistant


@pytest.fixture(scope="module")
def model(deployed: DeployedStack, serving: None) -> dict[str, Any]:  # noqa: ARG001
    """What the live model of the default pipeline is made of."""
    sagemaker = deployed.client("sagemaker")
    config = sagemaker.describe_endpoint_config(EndpointConfigName=deployed.live_config())
    described = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    return {name: described[name] for name in ("PrimaryContainer", "ExecutionRoleArn")}


@pytest.fixture
def world(client: Stack, model: dict[str, Any]) -> Iterator[LocalWorld]:
    """A new pipeline with data and a script."""
    service = client.create_pipeline(f"talk-{next(_places)}", framework="SCIKIT").service
    settings = service.settings
    for bucket, key in ((settings.data_bucket, "train/digits.csv"), (settings.code_bucket, "source.tar.gz")):
        service.s3.copy_object(Bucket=bucket, Key=f"{service.folder}{key}", CopySource=f"{bucket}/{key}")
    world = LocalWorld(service, model)
    yield world
    world.close()


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation["name"])
def test_a_conversation_with_an_assistant(assistant: Assistant, world: LocalWorld, situation: Situation) -> None:
    play(situation, Tools(assistant, world.service.pipeline), world)
