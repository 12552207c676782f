"""A stack's whole life on an engine of its own: deployed, used, deployed again, removed in the middle of a build."""

import io
import json
import re
import tarfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from demo.local_aws import Aws, list_inventory
from tests.alexa import Conversation
from tests.e2e import lake
from tests.e2e.byod import SLOW, Byod, pack
from tests.e2e.deployment import answer_in_registry, guard, sample
from tests.e2e.git import commit
from tests.e2e.pipelines import Pipeline
from tests.e2e.stack import NAME, SCRIPT, DeployedStack, deploy, run_serverless, wait_until
from tests.e2e.step_builds import start_endless_job, use_step_jobs
from tests.engine import ROOT, Engine, running_engine
from tests.local.sagemaker_world import unpack
from tests.web import Received, WebServer, running_web_server

DEPLOYER = "user/deployer"
DEPLOY_POLICY = ROOT / "docs" / "policies" / "deploy.json"
WEBHOOK_POLICY = ROOT / "docs" / "policies" / "deploy-webhook.json"
SECRET = "team/build-messages"
KEY = "Bearer hidden-key"

# What a role is granted that no build here calls, each with what calls it. One build encrypts its output with a key;
# tests/local/test_audit_keys.py refuses the other uses of a key without their permissions.
NEEDED_ELSEWHERE = {
    "Training": {
        "kms:CreateGrant",  # SageMaker, for encrypted disks
        "kms:Decrypt",  # S3, for encrypted objects
        "kms:DescribeKey",
        "cloudwatch:PutMetricData",  # SageMaker's agent on the training instance
        "ecr:BatchCheckLayerAvailability",  # pulling the image
        "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer",
        "logs:DescribeLogStreams",  # SageMaker's log agent
    },
    "BuildSteps": {
        "kms:Decrypt",
        "sagemaker:DescribeInferenceComponent",  # when the endpoint has one; test_component.py has
        "sagemaker:InvokeEndpoint",
    },
    "Coordination": {"sagemaker:DescribeInferenceComponent"},
    "ShowBuilds": {"sagemaker:DescribeInferenceComponent"},
    "AlexaSkill": {"sagemaker:DescribeInferenceComponent"},
    "Hosting": {
        "kms:CreateGrant",  # as for the training
        "kms:DescribeKey",
        "kms:Encrypt",  # SageMaker, for encrypted output
        "kms:GenerateDataKey",
        "s3:AbortMultipartUpload",  # when the upload of a large answer breaks off
        "s3:ListBucket",  # S3, to report a missing object of another bucket as such, and not as AccessDenied
        "cloudwatch:PutMetricData",
        "ecr:BatchCheckLayerAvailability",
        "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer",
        "logs:CreateLogGroup",  # of an inference component; test_component.py has one
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "logs:DescribeLogStreams",
    },
    "BuildStateMachine": {
        "kms:CreateGrant",  # SageMaker, in the name of who creates an endpoint with encrypted disks
        "kms:DescribeKey",
        "sagemaker:DeleteEndpoint",  # when an earlier deployment failed, and its finish too
        "events:DescribeRule",  # how .sync hears of the job's end; local/ asks Describe instead
        "events:PutRule",
        "events:PutTargets",
        "sagemaker:ListTags",  # .sync, for the tags of a repeated request
        "cloudwatch:DeleteAlarms",  # Application Auto Scaling, in the name of who registers, sets a policy, deregisters
        "cloudwatch:DescribeAlarms",
        "cloudwatch:PutMetricAlarm",
        "iam:CreateServiceLinkedRole",
        "sagemaker:DescribeEndpointConfig",
        "sagemaker:UpdateEndpointWeightsAndCapacities",
        "sagemaker:AddTags",  # to an inference component; test_component.py has one
        "sagemaker:CreateInferenceComponent",
        "sagemaker:DeleteInferenceComponent",
        "sagemaker:DescribeInferenceComponent",
        "sagemaker:ListInferenceComponents",
        "sagemaker:UpdateInferenceComponent",
        "sagemaker:UpdateInferenceComponentRuntimeConfig",
    },
    "ModelSteps": {
        "sagemaker:AddTags",  # when a user has deleted the model package group
        "sagemaker:CreateModelPackageGroup",
        "s3:AbortMultipartUpload",  # when the upload of a large model breaks off
        "s3:ListBucket",  # as for the endpoint
        "ecr:DescribeImages",  # SageMaker calls it with the role that registers
        "sagemaker:DescribeModelPackage",  # when the build is stopped in the middle of the registration
        "sagemaker:UpdateModelPackage",
    },
    "FinishBuild": {
        "kms:CreateGrant",  # as for the state machine
        "kms:DescribeKey",
        "sqs:SendMessage",  # when it has failed three times
        "application-autoscaling:DeregisterScalableTarget",  # when a build fails after its scaling was registered
        "cloudwatch:DeleteAlarms",  # Application Auto Scaling, as for the state machine
        "cloudwatch:DescribeAlarms",
        "cloudwatch:PutMetricAlarm",
        "sagemaker:UpdateEndpointWeightsAndCapacities",
        "sagemaker:AddTags",  # when SageMaker left the endpoint Failed, so that it is made again
        "sagemaker:CreateEndpoint",
        "logs:FilterLogEvents",  # of an inference component; test_component.py has one
        "logs:PutRetentionPolicy",
        "sagemaker:CreateInferenceComponent",
        "sagemaker:DeleteInferenceComponent",
        "sagemaker:DescribeInferenceComponent",
        "sagemaker:UpdateInferenceComponent",
        "sagemaker:UpdateInferenceComponentRuntimeConfig",
    },
    "PublishEvents": {
        "dynamodb:ListStreams",  # Lambda, when it connects the stream with the function
        "sqs:SendMessage",  # when an event could not be published for an hour
    },
    "RemoveLeftovers": {
        "cloudwatch:DeleteAlarms",  # Application Auto Scaling, in the name of who deregisters
        "cloudwatch:DescribeAlarms",
        "lambda:InvokeFunction",  # when the removal takes longer than one invocation
        "codebuild:BatchGetBuilds",  # when the stack is removed in the middle of an image build
        "codebuild:ListBuildsForProject",
        "codebuild:StopBuild",
        "sagemaker:DescribeHyperParameterTuningJob",  # when the build that runs tunes; here it trains
        "sagemaker:DeleteInferenceComponent",  # test_component.py has one
    },
    "ImageProject": {
        "kms:Decrypt",  # S3, for encrypted objects
        "codecommit:GitPull",  # when the source lies in CodeCommit
        "ecr:BatchGetImage",  # pulling the image that a Dockerfile begins with
        "ecr:GetDownloadUrlForLayer",
        "s3:GetObjectVersion",  # when a version of the source is asked for
        "s3:ListBucket",  # when the source is a folder
    },
    "SourceProject": {
        "codecommit:GitPull",  # when the repository lies in CodeCommit
        "kms:Decrypt",  # S3, for the parts of a large encrypted upload
        "kms:GenerateDataKey",  # S3, for the encrypted copy of a gated model
        "s3:PutObject",  # the copy of a gated model; test_hub.py makes one
    },
}
# Step Functions and these functions both stop the work of an aborted build; the second one finds nothing to stop.
NEEDED_NOW_AND_THEN = {
    (role, f"sagemaker:Stop{job}Job")
    for role in ("AlexaSkill", "FinishBuild", "RemoveLeftovers")
    for job in ("Training", "HyperParameterTuning")
} | {(role, "codebuild:StopBuild") for role in ("AlexaSkill", "BuildStateMachine", "FinishBuild")}
# When the upload of a large checkpoint breaks off. The training that the removal stops may make its last calls when its
# policy for this is deleted; the audit then knows only the others.
NEEDED_NOW_AND_THEN |= {("Training", "s3:AbortMultipartUpload")}
# For a pipeline with a name; no conversation of this test names one.
NEEDED_NOW_AND_THEN |= {
    ("AlexaSkill", action) for action in ("sagemaker:DescribeEndpoint", "ssm:GetParameter", "ssm:PutParameter")
}
# Of processing and transform jobs, too; and when one still runs at the removal.
NEEDED_NOW_AND_THEN |= {
    (role, f"sagemaker:Stop{kind}Job")
    for role in ("AlexaSkill", "BuildStateMachine", "FinishBuild", "RemoveLeftovers")
    for kind in ("Processing", "Transform")
}
NEEDED_NOW_AND_THEN |= {("RemoveLeftovers", f"sagemaker:Describe{kind}Job") for kind in ("Processing", "Transform")}
# Another stack takes models from this one, or this one receives them; test_promotion.py has both.
NEEDED_NOW_AND_THEN |= {("AlexaSkill", action) for action in ("cloudformation:ListExports", "events:PutEvents")}
NEEDED_NOW_AND_THEN |= {("BuildSteps", "s3:GetObject")}
# When an image build or a warm pool still runs at the stop or the removal.
NEEDED_NOW_AND_THEN |= {("AlexaSkill", "codebuild:BatchGetBuilds"), ("RemoveLeftovers", "sagemaker:UpdateTrainingJob")}


@dataclass
class Life:
    """What was seen."""

    document_at_first: dict[str, Any] = field(default_factory=dict)
    document_after_redeployment: dict[str, Any] = field(default_factory=dict)
    live_after_redeployment: str = ""
    second_deployment: str = ""
    removal: str = ""
    left_behind: set[str] = field(default_factory=set)
    upload: dict[str, Any] = field(default_factory=dict)
    lake_in_use: dict[str, Any] = field(default_factory=dict)
    lake_afterwards: dict[str, Any] = field(default_factory=dict)
    subscriptions: list[list[str]] = field(default_factory=list)
    audit: dict[str, Any] = field(default_factory=dict)
    chat: list[dict[str, Any]] = field(default_factory=list)
    webhook: list[Received] = field(default_factory=list)
    outcomes: dict[int, str] = field(default_factory=dict)
    template: str = ""


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """Live it."""
    seen = Life()
    with (
        running_engine(tmp_path_factory.mktemp("life"), "--time-scale", "40") as engine,
        running_web_server() as web,
    ):
        aws = Aws(engine.environment)
        mine, user = [*lake.create(engine), *create_webhook(engine, web), "dashboard=builds"], create_deployer(engine)
        before = list_inventory(aws)
        stack = deploy(user, *mine)
        stack.engine = engine
        lake.fill(stack)
        chat = listen_to_chat(stack)
        seen.document_at_first = _read_document(stack)
        use(stack)
        seen.upload = use_upload(stack)
        use_git(stack, tmp_path_factory.mktemp("repository"))
        stack.set_parameters()
        live = stack.live_config()

        same = [f"--param={parameter}" for parameter in mine]
        again = run_serverless(user, "deploy", "--force", "--param=framework=PYTORCH", *same)
        seen.second_deployment = again.stdout + again.stderr
        seen.document_after_redeployment = _read_document(stack)
        seen.live_after_redeployment = stack.live_config()
        assert live

        stack.set_parameters(hyperparameters={"trouble": "endless"}, schedule="cron(0 6 1 1 ? *)")
        wait_until(lambda: "schedule default" in list_inventory(aws))
        number = stack.last_number()
        stack.client("sns").publish(TopicArn=stack.outputs["LaunchTopicArn"], Message="build")
        wait_until(lambda: stack.last_number() > number)
        stack.wait_for_training(number + 1)
        seen.webhook = web.requests
        seen.chat = read_chat(stack, chat)
        seen.outcomes = {each: stack.record(each)["status"] for each in range(1, number + 1)}
        seen.template = describe_stack(engine)
        stack.client("sqs").delete_queue(QueueUrl=stack.queue)
        stack.client("sqs").delete_queue(QueueUrl=chat)
        create_own_resources(engine)
        seen.lake_in_use = lake.describe(engine)
        seen.subscriptions.append(lake.list_subscriptions(engine))
        removed = run_serverless(user, "remove")
        seen.removal = removed.stdout + removed.stderr
        seen.lake_afterwards = lake.describe(engine)
        seen.subscriptions.append(lake.list_subscriptions(engine))
        seen.left_behind = list_inventory(aws) - before
        seen.audit = engine.read_audit()
    return seen


def use(stack: DeployedStack) -> None:
    """Do all that the service is for, so that each role makes its calls."""
    stack.client("sns").publish(TopicArn=stack.outputs["LaunchTopicArn"], Message='{"trainmaxrum": 1}')  # set aside
    from_lake = {"channels": {"training": {"uri": lake.TRAINING}}, "trainsourcefile": lake.SOURCE}
    saved = {"checkpoints": {"uri": f"{lake.RESULTS}checkpoints/"}}
    stack.build(
        hyperparameters={"trouble": "serving"}, **from_lake, **saved
    )  # the first deployment: nothing to go back to
    scaling: dict[str, Any] = {"autoscaling": {"minimum": 1, "maximum": 3, "target": 50}}
    checkpoints = f"s3://{stack.outputs['ModelBucket']}/checkpoints/"
    stack.client("s3").put_object(Bucket=stack.outputs["ModelBucket"], Key="checkpoints/earlier", Body=b"1")
    first = stack.build(
        hostinstancetype="ml.m5.large",
        networkisolation=True,
        checkpoints={"uri": checkpoints},
        trainsourcefile=lake.SOURCE,
        keepalive=21600,  # the warm pool is alive until the removal
        outputkmskey=lake.KEY,
        **scaling,
    )
    assert first["status"] == "succeeded", first["reason"]
    packed = f"models/{first['model']}/0/model.tar.gz"
    served = stack.client("s3").head_object(Bucket=stack.outputs["ModelBucket"], Key=packed)
    assert (served["ServerSideEncryption"], served["SSEKMSKeyId"]) == ("aws:kms", lake.KEY)
    assert stack.ask_endpoint() > 0.9
    assert f"Steps of build {first['number']}<" in show_builds(stack, "default")
    stack.build(hostinstancetype="ml.c5.large", hyperparameters={"trouble": "serving"}, **scaling)
    spoil_packing(stack, stack.build)
    stack.set_parameters(hyperparameters={"trouble": "endless"})
    stack.converse().say("request_notice")  # while no build runs: the skill counts the subscribers
    number = stack.start_by_voice()
    stack.wait_for_training(number)
    stack.converse().say("check_status")
    conversation = stack.converse()
    for request_name in ("start_build", "yes", "set_parameter", "yes"):
        conversation.say(request_name)
    stop_by_voice(conversation, number)
    stack.finish(number)
    stack.wait_for_training(number + 1)
    stop_by_voice(conversation, number + 1)
    stack.finish(number + 1)
    use_tuning(stack)
    use_deployment(stack)
    use_step_jobs(stack)
    number = start_endless_job(stack)
    stop_by_voice(stack.converse(), number)
    stack.finish(number)
    use_pipeline(stack)
    use_images(Byod(stack), hostinstancetype="ml.m5.large", **scaling)
    use_sweep(stack)
    use_schedule(stack)
    stack.set_parameters()


def use_git(stack: DeployedStack, folder: Path) -> None:
    """Train with a script from git, with the token of a secret; then name a branch that does not exist."""
    head = commit(folder, {"src/train.py": SCRIPT, "libs/helper.py": ""})
    secret = stack.client("secretsmanager").create_secret(Name=f"{NAME}/git", SecretString="t0ken")["ARN"]
    config = {"repo": f"file://{folder}", "folder": "src", "secret": secret}
    document = {"trainsourcefile": None, "dependencies": ["libs/helper.py"], "deployEndpoint": False}
    good = stack.build(git_config=config, **document)
    assert (good["status"], good.get("source_commit")) == ("succeeded", head), good["reason"]
    key = f"sources/{good['training_job']}.tar.gz"
    archive = stack.client("s3").get_object(Bucket=stack.outputs["CodeBucket"], Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        assert {"./train.py", "./helper.py"} <= set(packed.getnames())
    named = Pipeline(stack, "fetched").build(git_config=config, **document)  # whose folder has a permission of its own
    assert (named["status"], named.get("source_commit")) == ("succeeded", head), named["reason"]
    bad = stack.build(git_config=config | {"branch": "absent"}, **document)
    assert (bad["status"], bad["step"]) == ("failed", "Fetch Source")
    reason = f"The source could not be fetched from file://{folder}: ERROR: file://{folder} has no branch or tag absent"
    assert bad["reason"].startswith(reason), bad["reason"]
    stack.client("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)


def use_tuning(stack: DeployedStack) -> None:
    """Tune, stop a tuning by voice, and deploy the result once more."""
    tuning: dict[str, Any] = {
        "configtrain": "SAGEMAKERHPO",
        "tuningobjective": {"Name": "accuracy", "Type": "Maximize"},
    }
    gate = {"qualitygate": {"metric": "accuracy", "minimum": 0.5}}
    stack.build(hyperparameters={"trouble": {"Values": ["none"]}}, **tuning, **gate)
    use_queue(stack)
    stack.set_parameters(hyperparameters={"trouble": {"Values": ["endless"]}}, **tuning)
    number = stack.start_by_voice()
    job = wait_until(lambda: stack.record(number).get("tuning_job"))
    wait_until(lambda: f"{job}-001" in str(stack.client("sagemaker").list_training_jobs(StatusEquals="InProgress")))
    stop_by_voice(stack.converse(), number)
    stack.finish(number)


def stop_by_voice(conversation: Conversation, number: int) -> None:
    """Stop the running build, and expect the answer that it is stopped or is stopping."""
    asked, answered = conversation.say("stop_build"), conversation.say("yes")
    assert f"stop build {number}," in asked, asked
    # The skill's other answers offer to stop a build, too, but name none.
    assert re.search(rf"[Bb]uild {number} .*stop", answered), answered


def use_deployment(stack: DeployedStack) -> None:
    """Deploy with guardrails and a smoke test, which then fails; ask in vain, approve, forget old models, roll back."""
    smoke, hosts = sample(stack), {"hostinstancetype": "ml.m5.large", "hostinstancecount": 2, "skiptrain": True}
    captured = {"datacapture": {"percentage": 100}}
    good = stack.build(**hosts, **captured, smoketest=smoke, guardrails=guard(stack), keepbuilds=1)
    assert good["status"] == "succeeded", good["reason"]
    wait_until(lambda: count_captured(stack, f"datacapture/{NAME}"))
    stack.build(**hosts, smoketest=sample(stack, "DataBucket") | {"status": 400})
    use_folder(stack, good["artifacts"])
    unanswered = stack.build(**hosts, approval="manual", approvalhours=0.001)
    assert unanswered["status"] == "withheld", unanswered["reason"]
    stack.set_parameters(approval="manual")
    approved = answer_in_registry(stack, stack.start_by_voice(), "Approved", "looks good")
    assert approved["status"] == "succeeded", approved["reason"]
    stack.set_parameters(**hosts, approval="manual")
    number, conversation = stack.start_by_voice(), stack.converse()
    wait_until(lambda: stack.record(number).get("approval_requested_at"))
    for said, about in (("approve_build", number), ("estimate_cost", number), ("roll_back", approved["number"])):
        conversation.say(said, number=str(about))
        if conversation.is_open:
            conversation.say("yes")
        stack.finish(stack.last_number())
        wait_until(lambda: stack.read_lock().get("running") is None)
    assert [stack.record(each)["status"] for each in (number, number + 1)] == ["succeeded", "succeeded"]


def use_folder(stack: DeployedStack, artifacts: str) -> None:
    """Deploy the files of a model without their archive."""
    bucket, _, key = artifacts.removeprefix("s3://").partition("/")
    archive = stack.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    for name, content in unpack(archive).items():
        stack.client("s3").put_object(Bucket=bucket, Key=f"weights/{name.removeprefix('./')}", Body=content)
    record = stack.build(ModelArtifacts=f"s3://{bucket}/weights/", smoketest=sample(stack))
    assert record["status"] == "succeeded", record["reason"]


def count_captured(stack: DeployedStack, folder: str) -> int:
    """Return the number of files with captured requests of an endpoint."""
    found = stack.client("s3").list_objects_v2(Bucket=stack.outputs["ModelBucket"], Prefix=f"{folder}/AllTraffic/")
    return int(found["KeyCount"])


def use_sweep(stack: DeployedStack) -> None:
    """Lose the event of a build's end, and have it swept up."""
    lost = {"event": "Step Functions Execution Status Change", "detail": {"status": "FAILED"}, "lose": True}
    stack.set_parameters(trainvolumesiz=20)
    with stack.engine.faults(lost):
        number = stack.start_by_message()
        arn = stack.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":build-{number}"
        states = stack.client("stepfunctions")
        wait_until(lambda: states.describe_execution(executionArn=arn)["status"] == "FAILED")
        stack.sweep()
    stack.finish(number)
    stack.sweep()


def use_pipeline(stack: DeployedStack) -> None:
    """Do with a named pipeline what has permissions of its own."""
    fraud, bucket = Pipeline(stack, "fraud"), stack.outputs["ModelBucket"]
    for trouble in ("training", "serving"):  # the finish reads the logs
        fraud.finish(fraud.start(hyperparameters={"trouble": trouble}))
    stack.client("s3").put_object(Bucket=bucket, Key="fraud/checkpoints/earlier", Body=b"1")
    packed = {"networkisolation": True, "checkpoints": {"uri": f"s3://{bucket}/fraud/checkpoints/"}, "keepbuilds": 1}
    good = fraud.build(smoketest=sample(stack), datacapture={"percentage": 100}, **packed)
    assert good["status"] == "succeeded", good["reason"]
    wait_until(lambda: count_captured(stack, f"fraud/datacapture/{fraud.endpoint}"))
    undone = fraud.build(smoketest=sample(stack) | {"status": 400})
    assert undone["live_after"] == good["endpoint_config"]
    for _ in range(2):
        good = fraud.build(**packed)
        assert good["status"] == "succeeded", good["reason"]
    assert f"Steps of build {good['number']}<" in show_builds(stack, "fraud")
    spoil_packing(stack, fraud.build)
    use_queue(stack, fraud)


def show_builds(stack: DeployedStack, pipeline: str) -> str:
    """The table of builds, as the dashboard asks for it."""
    event = json.dumps({"pipeline": pipeline}).encode()
    answer = stack.client("lambda").invoke(FunctionName=f"{NAME}-showBuilds", Payload=event)
    return str(json.load(answer["Payload"]))


def use_schedule(stack: DeployedStack) -> None:
    """Write, change and delete the schedule of a document whose pipeline does not exist, so that no build starts."""
    ssm, scheduler = stack.client("ssm"), stack.client("scheduler")
    document = {"Name": f"/{NAME}/unused/parameters", "Type": "String", "Overwrite": True}

    def list_expressions() -> list[str]:
        names = [each["Name"] for each in scheduler.list_schedules(GroupName=NAME)["Schedules"]]
        with suppress(scheduler.exceptions.ResourceNotFoundException):  # deleted since it was listed
            return [scheduler.get_schedule(GroupName=NAME, Name=name)["ScheduleExpression"] for name in names]
        return []

    for schedule in ("rate(1 day)", "cron(0 6 1 1 ? *)"):
        ssm.put_parameter(**document, Value=json.dumps({"framework": "SCIKIT", "schedule": schedule}))
        wait_until(partial(lambda expected: list_expressions() == [expected], schedule))
    ssm.delete_parameter(Name=document["Name"])
    wait_until(lambda: list_expressions() == [])


def use_upload(stack: DeployedStack) -> dict[str, Any]:
    """Change the data in the user's own bucket; return the record of the build, which ends in its first step."""
    stack.set_parameters(trainmaxrun=-1)
    record = lake.replace_data(stack)
    stack.set_parameters()
    return record


def spoil_packing(stack: DeployedStack, build: Callable[..., dict[str, Any]]) -> None:
    """Fail in the middle of putting a script into a model."""
    bucket, key = stack.outputs["ModelBucket"], "models/no-archive.tar.gz"
    stack.client("s3").put_object(Bucket=bucket, Key=key, Body=b"no archive")
    record = build(skiptrain=True, networkisolation=True, ModelArtifacts=f"s3://{bucket}/{key}")
    assert (record["status"], record["step"]) == ("failed", "Pack Model"), record["reason"]


def use_queue(stack: DeployedStack, pipeline: Pipeline | None = None) -> None:
    """Deploy the earlier model once more, with a queue; a request wakes it, and is answered in S3 and by SNS."""
    own = f"s3://{stack.outputs['ModelBucket']}/asynchronous/"
    _ask_queue(stack, pipeline, own, successtopic=stack.outputs["ResultsTopicArn"])
    if not pipeline:
        _ask_queue(stack, None, lake.RESULTS, output=lake.RESULTS)


def _ask_queue(stack: DeployedStack, pipeline: Pipeline | None, folder: str, **asynchronous: str) -> None:
    (bucket, _, prefix), s3 = folder.removeprefix("s3://").partition("/"), stack.client("s3")
    changes = {
        "skiptrain": True,
        "asynchronous": asynchronous,
        "hostinstancetype": "ml.m5.large",
        "autoscaling": {"minimum": 0, "maximum": 2, "target": 5},
    }
    record = pipeline.build(**changes) if pipeline else stack.build(**changes)
    assert record["status"] == "succeeded", record["reason"]
    question = "\n".join(",".join(map(str, row)) for row in stack.questions[:2] / 16)
    s3.put_object(Bucket=bucket, Key=f"{prefix}question", Body=question)
    endpoint = pipeline.endpoint if pipeline else NAME
    sleep_without_instances(stack, endpoint)
    answer = stack.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=endpoint,
        InputLocation=f"{folder}question",
        ContentType="text/csv",
    )
    key = answer["OutputLocation"].removeprefix(f"s3://{bucket}/")
    wait_until(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"])


def sleep_without_instances(stack: DeployedStack, endpoint: str) -> None:
    """End the endpoint's last instance, as its target tracking does it when no request comes; one request wakes it."""
    sagemaker = stack.client("sagemaker")
    none: Any = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 0}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=none)
    wait_until(lambda: sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService")


def use_images(byod: Byod, **changes: Any) -> None:
    """Builds of a person's Dockerfiles: one that succeeds, one that fails, one that is stopped."""
    byod.build(**changes)
    byod.build(build={"Training": False, "Inference": True}, dockerfile_path_Inference="elsewhere")
    byod.s3.put_object(Bucket=lake.BUCKET, Key="iris/slow.zip", Body=pack(training_Dockerfile=SLOW))
    byod.set_parameters(sourcelocation=f"s3://{lake.BUCKET}/iris/slow.zip")
    number = byod.stack.start_by_voice()
    wait_until(lambda: "IN_PROGRESS" in [build["buildStatus"] for build in byod.image_builds(number)])
    conversation = byod.stack.converse()
    conversation.say("stop_build")
    conversation.say("yes")
    byod.stack.finish(number)


def _read_document(stack: DeployedStack) -> dict[str, Any]:
    name = stack.outputs["ParametersName"]
    text = stack.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    return json.loads(text)  # type: ignore[no-any-return]


def _role_kind(role: str) -> str:
    """ "FinishBuild" of "sagebuild-dev-FinishBuildRole-1ABC"."""
    return role.removeprefix("sagebuild-dev-").split("Role-")[0]


def test_the_first_deployment_writes_the_documented_defaults(life: Life) -> None:
    document = life.document_at_first
    assert document["framework"] == "SCIKIT"
    assert (document["hostinstancetype"], document["traininstancetype"]) == ("ml.t2.medium", "ml.m5.large")


def test_a_redeployment_leaves_document_and_endpoint_as_they_are(life: Life) -> None:
    assert "deployed" in life.second_deployment
    assert life.document_after_redeployment["framework"] == "SCIKIT"
    assert life.document_after_redeployment["trainentrypoint"] == "train.py"
    assert life.live_after_redeployment.startswith("sagebuild-dev-")


def create_deployer(engine: Engine) -> Engine:
    """An IAM user with the documented policy and no other; the engine as this user's tools see it."""
    values = {"Region": "us-east-1", "Account": "123456789012", "Stack": NAME, "Secret": SECRET}
    document = re.sub("<([A-Za-z]+)>", lambda found: values[found[1]], DEPLOY_POLICY.read_text(encoding="utf-8"))
    iam = engine.client("iam")
    iam.create_user(UserName="deployer")
    policy = iam.create_policy(PolicyName="deploy", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_user_policy(UserName="deployer", PolicyArn=policy)
    webhook = re.sub("<([A-Za-z]+)>", lambda found: values[found[1]], WEBHOOK_POLICY.read_text(encoding="utf-8"))
    iam.put_user_policy(UserName="deployer", PolicyName="webhook", PolicyDocument=webhook)
    subscribe = {"Effect": "Allow", "Action": "sns:Subscribe", "Resource": lake.TOPIC}  # docs/aws.md says so
    more = json.dumps({"Version": "2012-10-17", "Statement": subscribe})
    iam.put_user_policy(UserName="deployer", PolicyName="trigger-topic", PolicyDocument=more)
    return replace(engine, access_key=iam.create_access_key(UserName="deployer")["AccessKey"]["AccessKeyId"])


def create_webhook(engine: Engine, web: WebServer) -> list[str]:
    """Create the secret of a webhook; return the deploy parameters of both kinds of chat."""
    content = json.dumps({"url": f"{web.url}/hidden-path", "authorization": KEY})
    engine.client("secretsmanager").create_secret(Name=SECRET, SecretString=content)
    return [f"webhookSecret={SECRET}", "chatTopic=true"]


def listen_to_chat(stack: DeployedStack) -> str:
    """Subscribe a queue to the chat topic, as Amazon Q Developer does; return its URL."""
    sqs, topic = stack.client("sqs"), stack.outputs["ChatTopicArn"]
    url: str = sqs.create_queue(QueueName="chat")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    statement |= {"Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    raw = {"RawMessageDelivery": "true"}
    stack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=raw)
    return url


def read_chat(stack: DeployedStack, url: str) -> list[dict[str, Any]]:
    """The messages that the chat topic sent."""
    messages, sqs = [], stack.client("sqs")
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            messages.append(json.loads(message["Body"]))
    return messages


def describe_stack(engine: Engine) -> str:
    """All that CloudFormation and the functions' logs show of the stack."""
    cloudformation, logs = engine.client("cloudformation"), engine.client("logs")
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=NAME)
    shown = [
        cloudformation.describe_stacks(StackName=NAME),
        cloudformation.get_template(StackName=NAME),
        [event for page in pages for event in page["StackEvents"]],
        logs.filter_log_events(logGroupName=f"/aws/lambda/{NAME}-publishEvents")["events"],
    ]
    return json.dumps(shown, default=str)


def create_own_resources(engine: Engine) -> None:
    """Create the stack with a project's own resources, as `sagebuild apply` does."""
    tags = [{"Key": "sagebuild:stack", "Value": NAME}, {"Key": "sagebuild:pipeline", "Value": "default"}]
    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    engine.client("cloudformation").create_stack(StackName=f"{NAME}-resources", TemplateBody=template, Tags=tags)


def test_remove_in_the_middle_of_a_build_leaves_nothing_behind(life: Life) -> None:
    assert f"Deleting the stack {NAME}-resources with the own resources of a project" in life.removal
    assert "successfully removed" in life.removal
    assert life.left_behind == set()


def test_the_creation_of_an_object_in_a_bucket_of_the_user_starts_a_build(life: Life) -> None:
    trigger = {"kind": "upload", "detail": "s3://my-lake/iris/train/more digits.csv", "rollback": ""}
    assert (life.upload["trigger"], life.upload["requests"]) == (trigger, 1)


def test_remove_leaves_what_is_the_users_own(life: Life) -> None:
    assert life.lake_afterwards == life.lake_in_use
    assert {"iris/train/more digits.csv", "iris/source.tar.gz", "iris/results/checkpoints/weights.npy"} <= set(
        life.lake_in_use["objects"]
    )
    assert life.lake_in_use["notifications"]
    in_use, afterwards = life.subscriptions
    assert [endpoint.rpartition(":")[2].rpartition("-")[0] for endpoint in in_use] == ["sagebuild-dev-LaunchQueue"]
    assert afterwards == []


def test_both_kinds_of_chat_report_the_outcome_of_each_build(life: Life) -> None:
    titles = {each["content"]["title"] for each in life.chat}
    for number, outcome in life.outcomes.items():
        verbs = {"succeeded": "succeeded", "failed": "failed", "stopped": "was stopped", "withheld": "was not deployed"}
        kinds = [f"{NAME}: {kind} {number} {verbs[outcome]}" for kind in ("build", "rollback")]
        assert titles & set(kinds), (number, outcome)
    for title in titles:
        assert [each.body["text"].startswith(title + "\n") for each in life.webhook].count(True) == 1, title
    assert {each.path for each in life.webhook} == {"/hidden-path"}
    assert {each.headers["Authorization"] for each in life.webhook} == {KEY}


def test_a_message_in_the_chat_has_amazon_qs_format_and_all_that_decides(life: Life) -> None:
    request = next(each for each in life.chat if each["content"]["title"].endswith("asks for approval"))
    number = request["metadata"]["additionalContext"]["build"]
    # https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
    assert (request["version"], request["source"]) == ("1.0", "custom")
    assert request["content"]["textType"] == "client-markdown"
    assert request["content"]["nextSteps"][0].endswith(f"`sagebuild approve {number} --stack {NAME}`")
    assert request["content"]["keywords"] == [NAME, "waiting"]
    assert request["metadata"]["threadId"] == f"{NAME}-{number}"
    assert all(isinstance(each, str) for each in request["metadata"]["additionalContext"].values())
    title = f"{NAME}: build {next(each for each, outcome in life.outcomes.items() if outcome == 'succeeded')} succeeded"
    succeeded = next(each for each in life.chat if each["content"]["title"] == title)
    lines = succeeded["content"]["description"].splitlines()
    assert [line.partition(":")[0] for line in lines][-3:] == ["Cost", "Endpoint", "Details"], lines


def test_the_secret_of_the_webhook_is_shown_nowhere(life: Life) -> None:
    assert SECRET in life.template
    assert "hidden" not in life.template


def test_no_role_makes_a_call_that_it_may_not_make(life: Life) -> None:
    calls = life.audit["calls"]
    allowed = {(call["role"], call["action"]) for call in calls if call["allowed"]}
    # A function that still runs when its role goes makes its last calls then: the policies go first, then the role.
    late = {(role, action) for role, action in allowed if action == "logs:PutLogEvents"}
    going = {"the role or user has no policies", "the role does not exist"}
    had_policies = {role for role, _ in allowed}
    # At a removal, serverless looks for images that it never made here, and takes a refusal for none.
    late.add((DEPLOYER, "ecr:DescribeRepositories"))
    denied = [call for call in calls if not call["allowed"] and (call["role"], call["action"]) not in late]
    assert [call for call in denied if call["reason"] not in going or call["role"] not in had_policies] == []


def test_no_role_may_make_a_call_that_it_does_not_make(life: Life) -> None:
    granted = [grant for grant in life.audit["unused"] if grant["role"] != DEPLOYER]  # CloudFormation's many handlers
    unused = {(_role_kind(grant["role"]), grant["action"]) for grant in granted} - NEEDED_NOW_AND_THEN
    expected = {(kind, action) for kind, actions in NEEDED_ELSEWHERE.items() for action in actions}
    assert sorted(unused - expected) == [], "granted, and not needed"
    assert sorted(expected - unused) == [], "needed after all: take it out of this file's list"
