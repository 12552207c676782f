"""State machines in local/ with real functions, training jobs and rules."""

import json
from typing import Any

import pytest

from tests.engine import Engine
from tests.local.functions import deploy, eventually, name, queue, receive
from tests.local.sagemaker_world import IMAGE, TRAINING_LOGS, TRANSFORM_LOGS, Processor, Trainer, Transformer, pack
from tests.local.state_machines import Machines, wait_for

FUNCTION = """
    class OwnError(Exception):
        pass

    def handler(event, context):
        if event.get("fail"):
            raise OwnError("configured to fail")
        return None if event.get("silent") else {"got": event}
"""


@pytest.fixture(scope="module")
def machines(engine: Engine) -> Machines:
    return Machines.of(engine)


@pytest.fixture(scope="module")
def function(engine: Engine) -> str:
    return deploy(engine, FUNCTION)


@pytest.fixture(scope="module")
def trainer(engine: Engine) -> Trainer:
    return Trainer(engine)


def invoking(function: str, how: str) -> dict[str, Any]:
    if how == "direct":
        return {"Call": {"Type": "Task", "Resource": function, "End": True}}
    arguments = {"FunctionName": function, "Payload": "{% $states.input %}"}
    output = "{% $states.result.Payload %}"
    return {
        "Call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": arguments,
            "Output": output,
            "End": True,
        }
    }


@pytest.mark.parametrize("how", ["direct", "optimized"])
def test_a_function_is_invoked_and_its_error_fails_the_task(machines: Machines, function: str, how: str) -> None:
    machine = machines.create(invoking(function, how))
    answers = [machines.finish(machines.start(machine, given)) for given in ({"n": 1}, {"silent": 1}, {"fail": 1})]
    assert [json.loads(answer["output"]) for answer in answers[:2]] == [{"got": {"n": 1}}, None]
    assert answers[2]["error"] == "OwnError"
    assert json.loads(answers[2]["cause"])["errorMessage"] == "configured to fail"


@pytest.mark.parametrize(("how", "failed"), [("direct", "LambdaFunctionFailed"), ("optimized", "TaskFailed")])
def test_the_first_retrier_that_matches_a_functions_error_limits_its_attempts(
    machines: Machines, function: str, how: str, failed: str
) -> None:
    other = {"ErrorEquals": ["Lambda.TooManyRequestsException"], "MaxAttempts": 9}
    own = {"ErrorEquals": ["OwnError"], "IntervalSeconds": 1, "MaxAttempts": 2}
    states = invoking(function, how)
    states["Call"]["Retry"] = [other, own, {"ErrorEquals": ["States.ALL"], "MaxAttempts": 9}]
    ended = machines.run(states, {"fail": 1})
    kinds = [event["type"] for event in machines.history(ended["executionArn"])]
    assert (ended["error"], kinds.count(failed)) == ("OwnError", 3)


@pytest.mark.parametrize("how", ["direct", "optimized"])
def test_a_missing_function_fails_with_an_error_of_lambda(machines: Machines, function: str, how: str) -> None:
    ended = machines.run(invoking(f"{function}-gone", how))
    assert ended["error"] == "Lambda.ResourceNotFoundException"
    assert ended["cause"].startswith("Function not found: arn:aws:lambda:")
    assert f":{function.rsplit(':', 1)[-1]}-gone:$LATEST" in ended["cause"]


def training(trainer: Trainer, script: str) -> dict[str, Any]:
    job = name("job")
    return {
        "TrainingJobName": job,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": trainer.role,
        "HyperParameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": trainer.put(f"{job}/source.tar.gz", pack({"train.py": script})),
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{trainer.bucket}/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }


TRAIN = {
    "Train Model": {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
        "Arguments": "{% $states.input %}",
        "End": True,
    }
}


def test_a_sync_task_waits_for_a_training_job(machines: Machines, trainer: Trainer) -> None:
    script = "import os; open(os.environ['SM_MODEL_DIR'] + '/model', 'w').close()"
    job = machines.output(TRAIN, training(trainer, script))
    assert job["TrainingJobStatus"] == "Completed"
    assert trainer.read(job["ModelArtifacts"]["S3ModelArtifacts"])


def test_a_failed_training_job_fails_the_task_with_its_reason(machines: Machines, trainer: Trainer) -> None:
    ended = machines.run(TRAIN, training(trainer, "raise ValueError('no such column')"))
    assert ended["error"] == "States.TaskFailed"
    job = json.loads(ended["cause"])
    assert job["TrainingJobStatus"] == "Failed"
    assert "no such column" in job["FailureReason"]


def test_stopping_an_execution_stops_its_training_job(machines: Machines, trainer: Trainer) -> None:
    request = training(trainer, "import time; print('ready', flush=True); time.sleep(600)")
    arn = machines.start(machines.create(TRAIN), request)
    job = request["TrainingJobName"]
    wait_for(lambda: trainer.read_logs(TRAINING_LOGS, job), lambda lines: "ready" in lines)
    machines.states.stop_execution(executionArn=arn)
    assert trainer.finish(job)["TrainingJobStatus"] == "Stopped"


PROCESS = {
    "Process Data": {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
        "Arguments": "{% $states.input %}",
        "End": True,
    }
}


def test_a_sync_task_waits_for_a_processing_job_and_stops_it(machines: Machines, engine: Engine) -> None:
    processor = Processor(engine)
    job = machines.output(PROCESS, processor.request("open('/opt/ml/output/message', 'w').write('3 rows')"))
    assert (job["ProcessingJobStatus"], job["ExitMessage"]) == ("Completed", "3 rows")
    failed = machines.run(PROCESS, processor.request("raise SystemExit(4)"))
    assert failed["error"] == "States.TaskFailed"
    assert json.loads(failed["cause"])["FailureReason"].startswith("AlgorithmError")
    request = processor.request("import time; print('ready', flush=True); time.sleep(600)")
    arn = machines.start(machines.create(PROCESS), request)
    processor.wait_for_line(request["ProcessingJobName"], "ready")
    machines.states.stop_execution(executionArn=arn)
    assert processor.finish(request["ProcessingJobName"])["ProcessingJobStatus"] == "Stopped"


TRANSFORM = {
    "Transform Data": {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createTransformJob.sync",
        "Arguments": "{% $states.input %}",
        "End": True,
    }
}
SERVE_SLOWLY = """
import time

def model_fn(model_dir):
    return None

def transform_fn(model, body, content_type, accept):
    print("ready", flush=True)
    time.sleep(600 if "wait" in body else 0)
    return body, accept
"""


def test_a_sync_task_waits_for_a_transform_job_and_stops_it(machines: Machines, engine: Engine) -> None:
    transformer = Transformer(engine)
    model = transformer.model(SERVE_SLOWLY)
    job = machines.output(TRANSFORM, transformer.request(model, transformer.put("in/rows.csv", "1")))
    assert job["TransformJobStatus"] == "Completed"
    assert isinstance(job["TransformEndTime"], int)
    assert transformer.read_results(job["TransformJobName"]) == {"rows.csv.out": b"1\n"}
    request = transformer.request(model, transformer.put("in/wait.csv", "wait"))
    arn = machines.start(machines.create(TRANSFORM), request)
    name = request["TransformJobName"]
    wait_for(lambda: transformer.read_logs(TRANSFORM_LOGS, name), lambda lines: "ready" in lines)
    machines.states.stop_execution(executionArn=arn)
    assert transformer.finish(name)["TransformJobStatus"] == "Stopped"


def test_an_error_of_sagemaker_has_its_prefix(machines: Machines, trainer: Trainer) -> None:
    request = training(trainer, "pass") | {"RoleArn": "arn:aws:iam::123456789012:role/never-made"}
    assert machines.run(TRAIN, request)["error"] == "SageMaker.AmazonSageMakerException"


def test_every_change_of_status_publishes_an_event(engine: Engine, machines: Machines) -> None:
    url, arn = queue(engine)
    machine = machines.create(
        {
            "Rest": {"Type": "Wait", "Seconds": "{% $states.input.s %}", "Next": "Report"},
            "Report": {"Type": "Succeed", "Output": {"n": 1}},
        }
    )
    rule = name("rule")
    pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [machine]}}
    engine.client("events").put_rule(Name=rule, EventPattern=json.dumps(pattern))
    engine.client("events").put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn}])
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [allow | {"Resource": arn}]}
    engine.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})

    done = machines.start(machine, {"s": 0}, name="done")
    machines.finish(done)
    stopped = machines.start(machine, {"s": 60000}, name="stopped")
    machines.states.stop_execution(executionArn=stopped, error="Enough", cause="A person stopped it.")

    reported: dict[tuple[str, str], dict[str, Any]] = {}
    while len(reported) < 4:
        event = json.loads(eventually(lambda: receive(engine, url))["Body"])
        assert event["detail-type"] == "Step Functions Execution Status Change"
        assert event["resources"] == [event["detail"]["executionArn"]]
        reported[event["detail"]["name"], event["detail"]["status"]] = event["detail"]
    assert set(reported) == {("done", "RUNNING"), ("done", "SUCCEEDED"), ("stopped", "RUNNING"), ("stopped", "ABORTED")}
    succeeded, aborted = reported["done", "SUCCEEDED"], reported["stopped", "ABORTED"]
    assert (succeeded["input"], succeeded["output"]) == ('{"s": 0}', '{"n":1}')
    assert succeeded["stopDate"] >= succeeded["startDate"] > 1_700_000_000_000
    assert (aborted["output"], aborted["error"], aborted["cause"]) == (None, "Enough", "A person stopped it.")
    assert reported["stopped", "RUNNING"]["stopDate"] is None
