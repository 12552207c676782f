"""A deployment with guardrails, smoke test and rollback, from the document to the endpoint's answer."""

from tests.e2e.deployment import ALARM, guard, roll_back, sample
from tests.e2e.stack import NAME, DeployedStack

FAST = {"latency": 20000, "answertype": "application/json"}


def test_a_deployment_is_guarded_tested_and_rolled_back(stack: DeployedStack) -> None:
    smoke, guardrails = sample(stack), guard(stack)
    first = stack.build(hostinstancetype="ml.m5.large", hostinstancecount=2, smoketest=smoke | FAST)
    assert first["status"] == "succeeded", first["reason"]
    changes = {"skiptrain": True, "hostinstancetype": "ml.m5.large", "hostinstancecount": 2, "guardrails": guardrails}
    second = stack.build(**changes, smoketest=smoke)
    assert second["status"] == "succeeded", second["reason"]
    endpoint = stack.client("sagemaker").describe_endpoint(EndpointName=NAME)
    routing = endpoint["LastDeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert (routing["Type"], routing["CanarySize"]["Value"]) == ("CANARY", 50)

    wrong = stack.build(**changes, smoketest=smoke | {"status": 400})
    assert (wrong["status"], wrong["step"]) == ("failed", "Run Smoke Test")
    assert "the status is 200 and should be 400. Sent: text/csv, " in wrong["reason"]
    assert "Answered: application/json, 6 bytes: [" in wrong["reason"]
    assert wrong["live_after"] == second["endpoint_config"] == stack.live_config()

    stack.client("cloudwatch").set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="a test's")
    guarded = stack.build(**changes)
    assert (guarded["status"], guarded["step"]) == ("failed", "Check Endpoint")
    assert ALARM in guarded["reason"]
    assert guarded["live_after"] == second["endpoint_config"] == stack.live_config()

    back = roll_back(stack, "previous")
    assert (back["status"], back["restores"]) == ("succeeded", first["number"]), back["reason"]
    assert back["live_after"] == first["endpoint_config"] == stack.live_config()
    assert stack.ask_endpoint() > 0.9
    (message,) = stack.read_notifications(back["number"])
    assert message.startswith(f"Build {back['number']} of {NAME}, a rollback to build {first['number']}, succeeded")

    again = roll_back(stack, first["number"])
    assert (again["status"], again["step"]) == ("failed", "Plan Build")
    assert again["reason"] == f"Build {first['number']} is live already: {first['endpoint_config']}."
