"""The lineage of a real model: a build, a rollback to it, and the events that the command prints."""

import json

from tests.e2e.stack import NAME, DeployedStack, wait_until
from tests.e2e.test_command_line import run
from tests.openlineage import check_event


def test_a_rollback_is_on_the_path_of_the_model_that_it_deploys(stack: DeployedStack) -> None:
    first = stack.build()
    second = stack.build()
    assert (first["status"], second["status"]) == ("succeeded", "succeeded")
    wait_until(lambda: stack.read_lock()["running"] is None)  # shortly after the notification
    assert run(stack, "rollback", str(first["number"]), "--watch").returncode == 0
    rollback = stack.last_number()
    shown = run(stack, "lineage", str(first["number"])).stdout
    titles = [line for line in shown.splitlines() if line.startswith("build ")]
    assert titles[0] == f"build {first['number']} of {NAME} in account 123456789012, us-east-1: trained"
    assert titles[-1].startswith(f"build {rollback} of {NAME} ")
    assert titles[-1].endswith(": rolled back to")
    data = f"  data        training s3://{stack.outputs['DataBucket']}/train/ version "
    assert [line for line in shown.splitlines() if line.startswith(data) and len(line) == len(data) + 16], shown
    assert f"  source      s3://{stack.outputs['CodeBucket']}/source.tar.gz version " in shown
    assert f"  training    {first['training_job']}\n" in shown
    assert f"  package     {first['model_package']}\n" in shown
    assert run(stack, "lineage", str(rollback)).stdout == shown

    events = json.loads(run(stack, "lineage", str(first["number"]), "--json").stdout)
    for event in events:
        check_event(event)
    assert [event["eventType"] for event in events] == ["COMPLETE"] * len(events)
    assert events[0]["run"]["facets"]["sagebuild_build"]["trainingJob"] == first["training_job"]
    (model,) = [each for each in events[0]["outputs"] if "outputFacets" not in each]
    assert f"{model['namespace']}/{model['name']}" == first["artifacts"]
    assert (model["namespace"], model["name"]) in {(each["namespace"], each["name"]) for each in events[-1]["inputs"]}
    assert stack.record(rollback)["live_after"] == first["endpoint_config"]
    assert [each["name"] for each in first["inputs"]] == ["training", "source"]
    assert second["inputs"] == first["inputs"], "the same data and source have the same versions"
