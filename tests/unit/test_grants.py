"""The topics and the CodeCommit repository of a document are judged with what the deployment grants."""

from typing import Any

import botocore.session
import pytest

from sagebuild.builds.context import BuildContext
from sagebuild.parameters import parse_parameters
from sagebuild.plan.findings import Findings
from sagebuild.plan.grants import TOPICS, examine_repository, examine_topics
from sagebuild.requests.training import build_bodies
from sagebuild.service import Service
from tests import bucket_access

STACK = "house"
SNS = "arn:aws:sns:eu-west-1:123456789012"
SCRIPT = {"framework": "SCIKIT", "trainentrypoint": "train.py", "trainsourcefile": "source.tar.gz"}


def examine(document: dict[str, Any], **deployed: str) -> Findings:
    """What the plan says about a document on a stack with these settings."""
    own = {name: value for name, value in deployed.items() if name.endswith("Policies")}
    settings = {
        "STACK_NAME": STACK,
        "STACK_ID": "arn:aws:cloudformation:eu-west-1:123456789012:stack/house/3f2a1c00-0000",
        "AWS_REGION": "eu-west-1",
        "DATA_BUCKET": f"{STACK}-data",
        "CODE_BUCKET": f"{STACK}-code",
        "MODEL_BUCKET": f"{STACK}-model",
        "TRAINING_ROLE_ARN": "arn:aws:iam::123456789012:role/training",
        "HOSTING_ROLE_ARN": "arn:aws:iam::123456789012:role/hosting",
        "IMAGE_REPOSITORY_URI": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own",
        "LAUNCH_TOPIC_ARN": f"{SNS}:launch",
        "RESULTS_TOPIC_ARN": f"{SNS}:results",
        "BUCKET_ACCESS": bucket_access.setting(STACK, **own),
        **deployed,
    }
    context = BuildContext(Service(settings, lambda _: None), 7, parse_parameters(document))
    findings = Findings()
    if document["framework"] == "BYOD":
        examine_repository(context, findings)
    else:
        examine_topics(context, build_bodies(context, "image:1", "image:1"), findings)
    return findings


def topics(**named: str) -> dict[str, Any]:
    return SCRIPT | {"asynchronous": {name: f"{SNS}:{topic}" for name, topic in named.items()}}


def test_a_topic_that_the_deployment_does_not_grant_is_refused() -> None:
    document = topics(successtopic="good", errortopic="bad")
    advice = (
        f'deploy the service with --param="asyncTopics={SNS}:old,{SNS}:good,{SNS}:bad", or use the results topic, '
        f"{SNS}:results."
    )
    assert examine(document, ASYNC_TOPICS=f"{SNS}:old").problems == [
        f"asynchronous.successtopic is {SNS}:good, to which HostingRole may not publish; {advice}",
        f"asynchronous.errortopic is {SNS}:bad, to which HostingRole may not publish; {advice}",
    ]
    assert examine(document, ASYNC_TOPICS=f"{SNS}:old,{SNS}:good,{SNS}:bad") == Findings(), "the advice helps"


def test_a_granted_topic_is_compared_whole() -> None:
    assert examine(topics(successtopic="good"), ASYNC_TOPICS=f"{SNS}:goods").problems


def test_the_results_topic_is_granted_and_the_launch_topic_never() -> None:
    assert examine(topics(successtopic="results", errortopic="results")) == Findings()
    for granted in ("", f"{SNS}:launch"):
        assert examine(topics(errortopic="launch"), ASYNC_TOPICS=granted).problems == [
            f"asynchronous.errortopic is {SNS}:launch, the launch topic, on which each message starts a build; name "
            "another topic."
        ]


def test_policies_of_the_users_own_may_allow_more_topics() -> None:
    found = examine(topics(errortopic="bad"), hostingPolicies="arn:aws:iam::123456789012:policy/topics")
    assert (found.problems, found.notes) == (
        [],
        [
            f"asynchronous.errortopic is {SNS}:bad, to which HostingRole may not publish, unless a policy in "
            "hostingPolicies allows it; that was not examined."
        ],
    )


@pytest.mark.parametrize("form", ["codecommit::", "codecommit://"])
def test_a_repository_that_the_deployment_does_not_grant_is_refused(form: str) -> None:
    document: dict[str, Any] = {"framework": "BYOD", "sourcelocation": f"{form}models"}
    assert examine(document, CODECOMMIT_REPOSITORIES="images").problems == [
        f"sourcelocation is {form}models, which ImageProjectRole may not clone; deploy the service with "
        '--param="codecommitRepositories=images,models".'
    ]
    assert examine(document, CODECOMMIT_REPOSITORIES="images,models") == Findings()
    assert examine(document, CODECOMMIT_REPOSITORY="models") == Findings(), "the trigger's repository"
    assert examine(document, CODECOMMIT_REPOSITORY="models-2").problems


def test_a_repository_that_no_image_is_built_from_is_not_judged() -> None:
    finished = {
        name: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1" for name in ("TrainingImage", "InferenceImage")
    }
    assert examine({"framework": "BYOD", "sourcelocation": "codecommit::models"} | finished) == Findings()
    assert examine({"framework": "BYOD", "sourcelocation": "https://github.com/octo/models"}) == Findings()


def test_every_topic_that_sagemaker_takes_is_known() -> None:
    shape: Any = (
        botocore.session.get_session().get_service_model("sagemaker").shape_for("AsyncInferenceNotificationConfig")
    )
    assert {name for name in shape.members if name.endswith("Topic")} == set(TOPICS)
