"""An assistant on the deployed service: it plans a build, starts it after a yes, and reads how it ended."""

from tests.assistants import running_server
from tests.e2e.stack import DeployedStack, wait_until


def test_an_assistant_starts_the_build_that_it_has_planned(stack: DeployedStack) -> None:
    with running_server(stack.engine.environment, "--allow-changes") as assistant:
        planned = assistant.call("plan_change", action="start", parameters={"hyperparameters.trouble": "training"})
        number = stack.last_number() + 1
        assert planned["effect"].startswith(f"Build {number} would start now. It trains on 1 ")
        assert planned["cost"]["maximum"] > 0
        assert stack.last_number() == number - 1, "a plan starts nothing"
        started = assistant.call("apply_change", token=planned["token"])
        assert started["sentence"] == f"Build {number} has started."
        wait_until(lambda: assistant.call("status")["build"]["status"] == "failed")
        failure = assistant.call("failure")
        assert (failure["number"], failure["step"]) == (number, "Train Model")
        assert "the learning rate makes no sense" in failure["reason"]
        assert any("trouble: training" in line["text"] for line in failure["log"])
        assert assistant.call("build")["trigger"]["kind"] == "assistant"
        again = assistant.call("apply_change", token=planned["token"])
        assert (again["number"], again["repeated"]) == (number, True)
        assert stack.last_number() == number
