"""The S3 addresses of a build are judged with the rights of the role that uses each of them."""

from typing import Any

import botocore.session
import pytest

from sagebuild.bucket_access import BucketAccess, Use
from sagebuild.builds.context import BuildContext
from sagebuild.parameters import parse_parameters
from sagebuild.plan.access import MEMBERS, examine_access
from sagebuild.plan.findings import Findings
from sagebuild.plan.preflight import OPERATIONS
from sagebuild.requests.bodies import Bodies
from sagebuild.requests.training import build_bodies
from sagebuild.service import Service
from tests import bucket_access

SCRIPT = {"framework": "SCIKIT", "trainentrypoint": "train.py", "trainsourcefile": "source.tar.gz"}
STACK = "house"


def connect(**parameters: str) -> Service:
    """A stack that was deployed with these parameters."""
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
        "BUCKET_ACCESS": bucket_access.setting(STACK, **parameters),
    }
    return Service(settings, lambda _: None)


def examine(document: dict[str, Any], changes: Bodies | None = None, **parameters: str) -> Findings:
    """What the plan says about the addresses of a build, whose requests the user's functions change."""
    parsed, findings = parse_parameters(document if "framework" in document else SCRIPT | document), Findings()
    context = BuildContext(connect(**parameters), 7, parsed)
    bodies = build_bodies(context, "image:1", "image:1")
    for kind, body in (changes or {}).items():
        bodies[kind] = bodies[kind] | body
    examine_access(context, bodies, parsed.ModelArtifacts, findings)
    return findings


def channel(uri: str, **more: Any) -> dict[str, Any]:
    return {"channels": {"train": {"uri": uri, **more}}}


@pytest.mark.parametrize(
    ("document", "problem", "option"),
    [
        (channel("s3://lake/iris/"), "channels.train.uri is s3://lake/iris/, which TrainingRole may not read",
         "readBuckets=s3://lake/iris/"),
        (channel("s3://lake"), "channels.train.uri is s3://lake, which TrainingRole may not read",
         "readBuckets=s3://lake/"),
        (channel("s3://lake/a b/"), "channels.train.uri is s3://lake/a b/, which TrainingRole may not read",
         "readBuckets=s3://lake/a"),
        (channel("s3://lake/list.manifest", type="ManifestFile"),
         "channels.train.uri is s3://lake/list.manifest, which TrainingRole may not read",
         "readBuckets=s3://lake/list.manifest"),
        (channel("s3://house-model/other/"), "channels.train.uri is s3://house-model/other/, which TrainingRole may "
         "not read", "readBuckets=s3://house-model/other/"),
        ({"uri": "s3://lake/iris/"}, "uri is s3://lake/iris/, which TrainingRole may not read",
         "readBuckets=s3://lake/iris/"),
        ({"asynchronous": {"output": "s3://lake/answers"}},
         "asynchronous.output is s3://lake/answers, which HostingRole may not write",
         "writeBuckets=s3://lake/answers/"),
        ({"asynchronous": {"output": "s3://house-data/answers/"}},
         "asynchronous.output is s3://house-data/answers/, which HostingRole may not write",
         "writeBuckets=s3://house-data/answers/"),
        ({"datacapture": {"prefix": "s3://lake/captured"}},
         "datacapture.prefix is s3://lake/captured, which HostingRole may not write",
         "writeBuckets=s3://lake/captured/"),
        ({"skiptrain": True, "ModelArtifacts": "s3://lake/v1/model.tar.gz"},
         "ModelArtifacts is s3://lake/v1/model.tar.gz, which ModelStepsRole may not read", "readBuckets=s3://lake/v1/"),
        ({"skiptrain": True, "ModelArtifacts": "s3://lake/model.tar.gz"},
         "ModelArtifacts is s3://lake/model.tar.gz, which ModelStepsRole may not read",
         "readBuckets=s3://lake/model.tar.gz"),
        ({"skiptrain": True, "ModelArtifacts": "s3://lake/llama/"},
         "ModelArtifacts is s3://lake/llama/, which ModelStepsRole may not read", "readBuckets=s3://lake/llama/"),
        ({"pipeline": [{"tag": "scale", "artifacts": "s3://lake/v1/model.tar.gz"}]},
         "pipeline[0].artifacts is s3://lake/v1/model.tar.gz, which ModelStepsRole may not read",
         "readBuckets=s3://lake/v1/"),
        ({"hostsourcefile": "s3://lake/v1/serve.tar.gz"},
         "hostsourcefile is s3://lake/v1/serve.tar.gz, which HostingRole may not read", "readBuckets=s3://lake/v1/"),
    ],
)  # fmt: skip
def test_an_address_outside_of_the_stacks_buckets_is_refused(
    document: dict[str, Any], problem: str, option: str
) -> None:
    advice = f'deploy the service with --param="{option}", or use a bucket of the stack.'
    assert examine(document).problems == [f"{problem}; {advice}"]
    name, _, value = option.partition("=")
    assert examine(document, None, **{name: value}).problems == [], "the advice helps"
    assert bucket_access.resolve(**{name: value})["problems"] == []


def test_the_roles_of_training_and_hosting_are_judged_apart() -> None:
    source = "s3://house-data/source.tar.gz"
    problems = examine({"trainsourcefile": source}).problems
    assert [problem.partition(";")[0] for problem in problems] == [
        f"trainsourcefile is {source}, which HostingRole may not read"
    ]


def test_checkpoints_are_read_and_written() -> None:
    document = {"checkpoints": {"uri": "s3://lake/run/"}}
    advice = 'deploy the service with --param="writeBuckets=s3://lake/run/", or use a bucket of the stack.'
    place = "checkpoints.uri is s3://lake/run/, which TrainingRole may not"
    assert examine(document).problems == [f"{place} {action}; {advice}" for action in ("read", "write")]
    assert examine(document, readBuckets="s3://lake").problems == [f"{place} write; {advice}"]
    assert examine(document, writeBuckets="s3://lake/run/").problems == []


def test_one_advice_contains_all_addresses_and_those_of_today() -> None:
    document = channel("s3://lake/iris/") | {"checkpoints": {"uri": "s3://runs/1/"}, "hostsourcefile": "s3://code/a"}
    problems = examine(document, readBuckets="s3://old/x/", writeBuckets="old/y/").problems
    advice = (
        'deploy the service with --param="readBuckets=s3://old/x/,s3://lake/iris/,s3://code/a" and '
        '--param="writeBuckets=s3://old/y/,s3://runs/1/", or use a bucket of the stack.'
    )
    assert {problem.partition("; ")[2] for problem in problems} == {advice}
    assert len(problems) == 4


def test_what_the_stack_chooses_itself_is_allowed() -> None:
    options = {"checkpoints": {}, "asynchronous": {}, "networkisolation": True}
    captured: dict[str, Any] = {"datacapture": {}}
    tuning = {
        "configtrain": "SAGEMAKERHPO",
        "metrics": [{"Name": "loss", "Regex": "loss=(.*)"}],
        "tuningobjective": {"Name": "loss", "Type": "Minimize"},
        "hyperparameters": {"rate": {"MinValue": 0, "MaxValue": 1}},
    }
    for document in (options, captured, tuning, SCRIPT | {"framework": "TENSORFLOW", "tensorflowversion": "2.14"}):
        found = examine(document)
        assert (found.problems, found.notes) == ([], [])


def test_addresses_that_a_function_of_the_user_adds_are_judged() -> None:
    changes: Bodies = {
        "training": {"TensorBoardOutputConfig": {"S3OutputPath": "s3://lake/boards"}},
        "endpointConfig": {"DataCaptureConfig": {"DestinationS3Uri": "s3://lake/captured"}},
    }
    assert [problem.partition(";")[0] for problem in examine({}, changes).problems] == [
        "CreateTrainingJob: TensorBoardOutputConfig.S3OutputPath is s3://lake/boards, which TrainingRole may not write",
        "CreateEndpointConfig: DataCaptureConfig.DestinationS3Uri is s3://lake/captured, which HostingRole may not "
        "write",
    ]


@pytest.mark.parametrize("folder", ["", "mine/", "models/", "models/house-3f2a1c00-1/0/", "fraud/models/", "registry/"])
def test_a_training_writes_only_builds_and_checkpoints(folder: str) -> None:
    for allowed in ("builds/", "fraud/builds/", "checkpoints/", "fraud/checkpoints/"):
        assert examine({"hyperparameters": {"out": f"s3://house-model/{allowed}x"}}).notes == []
    address = f"s3://house-model/{folder}x"
    assert examine({"hyperparameters": {"out": address}}).notes == [
        f"hyperparameters.out is {address}, which TrainingRole may neither read nor write."
    ]


def test_addresses_that_only_a_script_uses_are_noted() -> None:
    document = {
        "hyperparameters": {"labels": "s3://lake/labels.csv", "out": "s3://house-model/builds/mine/"},
        "modelhostingenvironment": {"INDEX": "s3://lake/index"},
    }
    found = examine(document)
    assert found.problems == []
    assert found.notes == [
        "hyperparameters.labels is s3://lake/labels.csv, which TrainingRole may neither read nor write.",
        "modelhostingenvironment.INDEX is s3://lake/index, which HostingRole may neither read nor write.",
    ]


def test_policies_of_the_users_own_may_allow_more() -> None:
    policy = "arn:aws:iam::123456789012:policy/lake"
    found = examine(channel("s3://lake/iris/") | {"hostsourcefile": "s3://lake/a"}, trainingPolicies=policy)
    assert found.notes == [
        "channels.train.uri is s3://lake/iris/, which TrainingRole may not read, unless a policy in trainingPolicies "
        "allows it; that was not examined."
    ]
    (problem,) = found.problems
    assert problem.startswith("hostsourcefile is s3://lake/a, which HostingRole may not read; ")


def test_codebuild_reads_the_source_of_an_image() -> None:
    document: dict[str, Any] = {"framework": "BYOD", "sourcelocation": "s3://house-data/source.zip"}
    (problem,) = examine(document).problems
    assert problem.startswith("sourcelocation is s3://house-data/source.zip, which ImageProjectRole may not read; ")
    assert examine(document | {"sourcelocation": "s3://house-code/folder/"}).problems == []


@pytest.mark.parametrize(
    ("granted", "uri", "place", "allowed"),
    [
        ("s3://lake/iris/", "s3://lake/iris/", "prefix", True),
        ("s3://lake/iris/", "s3://lake/iris", "prefix", False),
        ("s3://lake/iris/", "s3://lake/iris", "folder", True),
        ("s3://lake/iris/", "s3://lake/iris/train", "prefix", True),
        ("s3://lake/iris", "s3://lake/iris2/", "prefix", True),
        ("s3://lake", "s3://lake", "prefix", True),
        ("s3://lake", "s3://lake2/", "prefix", False),
        ("s3://lake/a.gz", "s3://lake/a.gz", "object", True),
        ("s3://lake/a.gz", "s3://lake/b/a.gz", "object", False),
        ("s3://la.e/x/", "s3://lake/x/", "prefix", False),
    ],
)
def test_an_address_of_the_deployment_is_the_beginning_of_keys(
    granted: str, uri: str, place: Any, allowed: bool
) -> None:
    access = BucketAccess.of(connect(readBuckets=granted))
    assert access.allows(Use("x", uri, "TrainingRole", "read", place)) is allowed


def find_addresses(shape: Any, seen: frozenset[str] = frozenset()) -> set[str]:
    """The members of a request that are S3 addresses, by botocore's model."""
    if shape.type_name == "structure" and shape.name not in seen:
        inner = [(name, member) for name, member in shape.members.items()]
        own = {name for name, member in inner if str(member.metadata.get("pattern")).startswith("(https|s3)://")}
        return own.union(*(find_addresses(member, seen | {shape.name}) for _, member in inner))
    return find_addresses(shape.member, seen) if shape.type_name == "list" else set()


def test_every_address_that_sagemaker_takes_is_known() -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    shapes = [model.operation_model(operation).input_shape for operation in OPERATIONS.values()]
    assert set().union(*map(find_addresses, shapes)) == MEMBERS.keys()
