"""KMS keys of the user's own: which ones a build may use, judged with what the deployment grants, and with KMS."""

from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from sagebuild.builds.context import BuildContext
from sagebuild.parameters import parse_parameters
from sagebuild.plan.findings import Findings
from sagebuild.plan.keys import MEMBERS, examine_keys
from sagebuild.plan.preflight import OPERATIONS
from sagebuild.requests.bodies import Bodies
from sagebuild.requests.training import build_bodies
from sagebuild.service import Service
from tests import bucket_access
from tests.functional.conftest import REGION, STACK, Stack, client

SCRIPT = {"framework": "SCIKIT", "trainentrypoint": "train.py", "trainsourcefile": "source.tar.gz"}
TUNING = {
    "configtrain": "SAGEMAKERHPO",
    "metrics": [{"Name": "loss", "Regex": "loss=(.*)"}],
    "tuningobjective": {"Name": "loss", "Type": "Minimize"},
    "hyperparameters": {"rate": {"MinValue": 0, "MaxValue": 1}},
}
POLICY = "arn:aws:iam::123456789012:policy/keys"


@pytest.fixture
def key(stack: Stack) -> str:  # noqa: ARG001
    """The ARN of an enabled key, whose alias is alias/data."""
    created: str = client("kms").create_key()["KeyMetadata"]["Arn"]
    client("kms").create_alias(AliasName="alias/data", TargetKeyId=created)
    return created


class DeniedKms:
    """KMS for a role that no key lets in."""

    def describe_key(self, KeyId: str) -> dict[str, Any]:  # noqa: N803
        """AccessDeniedException."""
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": KeyId}}, "DescribeKey")


def examine(
    stack: Stack, document: dict[str, Any], changes: Bodies | None = None, *, is_denied: bool = False, **parameters: str
) -> Findings:
    """What the plan says about the keys of a build on a stack that was deployed with these parameters."""
    own = {name: value for name, value in parameters.items() if name.endswith("Policies")}
    settings = {
        **stack.settings,
        "KMS_KEYS": parameters.get("kmsKeys", ""),
        "BUCKET_ACCESS": bucket_access.setting(STACK, **own),
        "IMAGE_REPOSITORY_URI": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own",
    }
    service = Service(settings, lambda name: DeniedKms() if is_denied else client(name))
    context, findings = BuildContext(service, 7, parse_parameters(SCRIPT | document)), Findings()
    bodies = build_bodies(context, "image:1", "image:1")
    for kind, body in (changes or {}).items():
        bodies[kind] = bodies[kind] | body
    examine_keys(context, bodies, findings)
    return findings


@pytest.mark.parametrize(
    ("document", "name", "form"),
    [
        ({"volumekmskey": "KEY"}, "volumekmskey", "arn"),
        (TUNING | {"volumekmskey": "KEY"}, "volumekmskey", "id"),
        ({"outputkmskey": "KEY"}, "outputkmskey", "alias"),
        ({"hostkmskey": "KEY"}, "hostkmskey", "alias ARN"),
        ({"outputkmskey": "KEY", "asynchronous": {}}, "outputkmskey", "alias"),
        ({"outputkmskey": "KEY", "datacapture": {}}, "outputkmskey", "id"),
        ({"hostkmskey": "KEY", "volumekmskey": "KEY"}, "hostkmskey and volumekmskey", "id"),
    ],
)
def test_a_key_that_the_deployment_does_not_grant_is_refused(
    stack: Stack, key: str, document: dict[str, Any], name: str, form: str
) -> None:
    alias = f"arn:aws:kms:{REGION}:123456789012:alias/data"
    given = {"arn": key, "id": key.partition("/")[2], "alias": "alias/data", "alias ARN": alias}[form]
    named = {member: given if value == "KEY" else value for member, value in document.items()}
    assert examine(stack, named, kmsKeys="arn:aws:kms:eu-west-1:123456789012:key/old").problems == [
        f"{name} is {given}, a key that the service may not use; deploy the service with "
        f'--param="kmsKeys=arn:aws:kms:eu-west-1:123456789012:key/old,{key}".'
    ]
    assert examine(stack, named, kmsKeys=key) == Findings(), "the advice helps"


def test_one_advice_contains_all_keys(stack: Stack, key: str) -> None:
    other = client("kms").create_key()["KeyMetadata"]["Arn"]
    problems = examine(stack, {"volumekmskey": key, "hostkmskey": other}).problems
    assert {problem.partition("; ")[2] for problem in problems} == {
        f'deploy the service with --param="kmsKeys={key},{other}".'
    }
    assert len(problems) == 2


def test_a_key_of_another_region_is_refused(stack: Stack) -> None:
    for resource in ("key/1234abcd", "alias/data"):
        other = f"arn:aws:kms:us-east-1:123456789012:{resource}"
        assert examine(stack, {"volumekmskey": other}, kmsKeys=other).problems == [
            f"volumekmskey is {other}, in another region; name a key in the stack's region, eu-west-1."
        ]


def test_a_key_of_another_account_is_used_if_the_deployment_grants_it(stack: Stack) -> None:
    other = f"arn:aws:kms:{REGION}:999999999999:key/1234abcd"
    (problem,) = examine(stack, {"volumekmskey": other}).problems
    assert problem.endswith(f'; deploy the service with --param="kmsKeys={other}".')
    found = examine(stack, {"volumekmskey": other}, is_denied=True, kmsKeys=other)
    assert (found.problems, found.notes) == (
        [],
        [f"volumekmskey is {other}, which was not examined: it denies kms:DescribeKey."],
    )
    # The same id in the stack's account is another key.
    assert examine(stack, {"volumekmskey": "1234abcd"}, kmsKeys=other).problems


def test_an_alias_that_cannot_be_looked_up_is_refused(stack: Stack, key: str) -> None:
    assert examine(stack, {"hostkmskey": "alias/data"}, is_denied=True, kmsKeys=key).problems == [
        "hostkmskey is alias/data, an alias of a key that the service may not use; deploy the service with "
        f'--param="kmsKeys={key},KEY_ARN", in which KEY_ARN is from: aws kms describe-key --key-id alias/data '
        "--query KeyMetadata.Arn"
    ]


@pytest.mark.parametrize("given", ["alias/missing", f"arn:aws:kms:{REGION}:123456789012:key/missing"])
def test_a_key_that_does_not_exist_is_refused(stack: Stack, given: str) -> None:
    assert examine(stack, {"hostkmskey": given}, kmsKeys=f"arn:aws:kms:{REGION}:123456789012:key/missing").problems == [
        f"hostkmskey is {given}, and there is no such key; correct it, or create it."
    ]


def test_a_key_that_cannot_encrypt_is_refused(stack: Stack, key: str) -> None:
    client("kms").disable_key(KeyId=key.partition("/")[2])
    assert examine(stack, {"outputkmskey": "alias/data"}, kmsKeys=key).problems == [
        "outputkmskey is alias/data, whose state is Disabled; enable the key, or name another one."
    ]
    signing = client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    assert examine(stack, {"outputkmskey": signing}, kmsKeys=signing).problems == [
        f"outputkmskey is {signing}, whose type is ECC_NIST_P256; name a symmetric key, whose type is "
        "SYMMETRIC_DEFAULT."
    ]


def test_policies_of_the_users_own_may_allow_more_but_not_the_disks_of_an_endpoint(stack: Stack, key: str) -> None:
    found = examine(stack, {"volumekmskey": key}, trainingPolicies=POLICY)
    assert (found.problems, found.notes) == (
        [],
        [
            f"volumekmskey is {key}, a key that the service may not use, unless a policy in trainingPolicies allows "
            "it; that was not examined."
        ],
    )
    # Pack Model reads the training's output, and encrypts the copies.
    (problem,) = examine(stack, {"outputkmskey": key}, trainingPolicies=POLICY).problems
    assert problem.endswith(f'deploy the service with --param="kmsKeys={key}".')
    assert len(examine(stack, {"hostkmskey": key}, hostingPolicies=POLICY).problems) == 1


def test_a_key_that_aws_manages_is_noted(stack: Stack) -> None:
    found = examine(stack, {"outputkmskey": "alias/aws/s3"})
    assert (found.problems, found.notes) == (
        [],
        ["outputkmskey is alias/aws/s3, a key that AWS manages; its policy was not examined."],
    )


def test_keys_that_a_function_of_the_user_adds_are_judged(stack: Stack, key: str) -> None:
    captured: Bodies = {"endpointConfig": {"DataCaptureConfig": {"KmsKeyId": key}}}
    (problem,) = examine(stack, {}, captured).problems
    assert problem.startswith(f"CreateEndpointConfig: DataCaptureConfig.KmsKeyId is {key}, a key that ")


def test_a_build_without_keys_asks_nothing(stack: Stack) -> None:
    assert examine(stack, {}, is_denied=True) == Findings()


def find_keys(shape: Any, seen: frozenset[str] = frozenset()) -> set[str]:
    """The members of a request that name a key, by botocore's model."""
    if shape.type_name == "structure" and shape.name not in seen:
        own = {name for name in shape.members if "kms" in name.lower()}
        return own.union(*(find_keys(member, seen | {shape.name}) for member in shape.members.values()))
    return find_keys(shape.member, seen) if shape.type_name == "list" else set()


def test_every_key_that_sagemaker_takes_is_known() -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    shapes = {kind: model.operation_model(operation).input_shape for kind, operation in OPERATIONS.items()}
    assert set().union(*map(find_keys, shapes.values())) == set(MEMBERS)
    assert not find_keys(shapes["model"])
