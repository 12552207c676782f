"""A language model as an inference component: deployed, replaced, restored, rolled back, asleep, awake, and removed."""

from typing import Any

import pytest

from sagebuild.client.chat import stream_chat
from sagebuild.errors import EndpointError
from sagebuild.finish.remove import remove_pipeline
from sagebuild.parameters.store import write_document
from sagebuild.running.endpoint import Endpoint, describe_endpoint
from tests.e2e.pipelines import Pipeline
from tests.e2e.stack import DeployedStack, wait_until

MODEL = "Qwen/Qwen3-0.6B"
BODY = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 20}
SAMPLE = {"contenttype": "application/json", "body": BODY, "answertype": "application/json"}
DOCUMENT: dict[str, Any] = {
    "framework": "LLM",
    "engine": "VLLM",
    "hubmodel": MODEL,
    "inferencecomponent": {},
    "autoscaling": {"minimum": 0, "maximum": 2, "target": 5},
    "smoketest": SAMPLE,
}


class Chat(Pipeline):
    """A pipeline that serves a language model."""

    def deploy(self, **changes: Any) -> dict[str, Any]:
        """A build with the document and these changes; its record."""
        write_document(self.service, DOCUMENT | changes, overwrite=True)
        return self.finish(self.start())

    def describe(self) -> Endpoint:
        """The endpoint."""
        endpoint = describe_endpoint(self.service)
        assert endpoint
        return endpoint

    def say(self, *, wait: bool = False) -> str:
        """The model's answer."""
        runtime = self.stack.client("sagemaker-runtime")
        return "".join(stream_chat(self.service, runtime, "Hello", wait=wait))

    def scale(self, copies: int) -> None:
        """Change the number of copies, as Application Auto Scaling does it."""
        self.service.sagemaker.update_inference_component_runtime_config(
            InferenceComponentName=self.endpoint, DesiredRuntimeConfig={"CopyCount": copies}
        )
        self.settle()

    def settle(self) -> None:
        """Wait until the component is at rest."""
        wait_until(lambda: (found := self.describe().component) and not found.is_changing)


@pytest.fixture(scope="module")
def chat(deployed: DeployedStack) -> Chat:
    return Chat(deployed, "chat")


def test_a_component_is_deployed_replaced_restored_and_rolled_back(chat: Chat) -> None:
    first = chat.deploy()
    assert first["status"] == "succeeded", first["reason"]
    assert (first["component"], first["live_after"]) == (chat.endpoint, first["endpoint_config"])
    assert MODEL in chat.say()
    instances = chat.describe().instances

    second = chat.deploy(engineoptions={"max-model-len": 4096})
    assert second["status"] == "succeeded", second["reason"]
    live = chat.describe()
    assert (live.config, live.instances) == (second["model"], instances)  # the instances were not replaced
    assert live.component
    assert live.component.copies == 1

    wrong = chat.deploy(smoketest=SAMPLE | {"status": 400})
    assert (wrong["status"], wrong["step"]) == ("failed", "Run Smoke Test"), wrong["reason"]
    assert wrong["live_after"] == chat.describe().config == second["model"]
    assert MODEL in chat.say()

    back = chat.finish(chat.start(rollback="previous"))
    assert (back["status"], back["restores"]) == ("succeeded", first["number"]), back["reason"]
    assert chat.describe().config == first["model"]


def test_it_sleeps_wakes_for_a_request_and_is_removed_with_nothing_left(chat: Chat) -> None:
    chat.scale(0)
    assert str(chat.describe()).endswith("with no copy at present")
    with pytest.raises(EndpointError, match="has no copy of its model at present"):
        chat.say()
    wait_until(lambda: (found := chat.describe().component) and found.copies == 1)
    chat.settle()
    assert MODEL in chat.say()

    chat.scale(0)
    woken = chat.deploy(engineoptions={"max-model-len": 2048})  # its smoke test needs a copy
    assert woken["status"] == "succeeded", woken["reason"]
    remove_pipeline(chat.service)
    sagemaker = chat.service.sagemaker
    assert describe_endpoint(chat.service) is None
    assert not sagemaker.list_inference_components(NameContains=chat.endpoint)["InferenceComponents"]
    assert not sagemaker.list_models(NameContains=f"{chat.endpoint}-")["Models"]
    targets = chat.service.autoscaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[f"inference-component/{chat.endpoint}"]
    )
    assert targets["ScalableTargets"] == []
    alarms = chat.service.cloudwatch.describe_alarms(AlarmNamePrefix="NoCapacityInvocationFailures-")["MetricAlarms"]
    assert chat.endpoint not in str(alarms)
