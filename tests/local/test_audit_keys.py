"""The audit of KMS keys: a statement or grant that is missing is a call that fails, as on AWS."""

import json
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.sagemaker_world import SERVE_OWN, Host, Processor, Trainer, Transformer, World
from tests.local.test_audit import ACCOUNT, Role, allow, deny

ACCOUNT_ITSELF = f"arn:aws:iam::{ACCOUNT}:root"
VIA_S3 = {"Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}}
VIA_SAGEMAKER = {"Condition": {"StringEquals": {"kms:ViaService": "sagemaker.us-east-1.amazonaws.com"}}}
ONLY_GRANTS = {"Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}}


def create_key(engine: Engine, *statements: dict[str, Any]) -> str:
    """A key with a policy of these statements; default: access is left to IAM policies."""
    document = {"Version": "2012-10-17", "Statement": statements or [to({"AWS": ACCOUNT_ITSELF}, "kms:*")]}
    arn: str = engine.client("kms").create_key(Policy=json.dumps(document))["KeyMetadata"]["Arn"]
    return arn


def to(principal: Any, action: Any, **more: Any) -> dict[str, Any]:
    """A statement of a key policy."""
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*"} | more


def set_policy(engine: Engine, key: str, *statements: dict[str, Any]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    engine.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=document)


@pytest.fixture(scope="module")
def bucket(engine: Engine) -> str:
    name = f"bucket-{uuid4().hex[:8]}"
    engine.client("s3").create_bucket(Bucket=name)
    return name


def put(role: Role, bucket: str, key: str) -> str:
    """Store an object that a key encrypts; the error's message, empty if it succeeds."""
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    try:
        role.client("s3").put_object(Bucket=bucket, Key="made", Body=b"1", **encryption)
    except ClientError as error:
        return str(error.response["Error"]["Message"])
    return ""


def get(role: Role, bucket: str, name: str = "made") -> str:
    try:
        role.client("s3").get_object(Bucket=bucket, Key=name)["Body"].read()
    except ClientError as error:
        return str(error.response["Error"]["Message"])
    return ""


READ_WRITE = (allow("s3:*"),)
USE = allow(["kms:Decrypt", "kms:GenerateDataKey"])


@pytest.mark.parametrize(
    ("identity", "policy", "reason"),
    [
        ([USE], [to({"AWS": ACCOUNT_ITSELF}, "kms:*")], ""),
        ([], [to({"AWS": ACCOUNT_ITSELF}, "kms:*")], "no identity-based policy allows it"),
        ([USE], [to({"AWS": "<other>"}, "kms:*")], "no resource-based policy allows it"),
        ([], [to({"AWS": "<role>"}, "kms:*")], ""),
        ([], [to({"AWS": "<role>"}, "kms:Decrypt")], "no resource-based policy allows it"),
        ([], [to({"AWS": "*"}, "kms:*", **VIA_S3)], ""),
        ([], [to({"AWS": "<role>"}, "kms:*", **VIA_SAGEMAKER)], "no resource-based policy allows it"),
        ([USE | VIA_S3], [to({"AWS": ACCOUNT_ITSELF}, "kms:*")], ""),
        ([USE | VIA_SAGEMAKER], [to({"AWS": ACCOUNT_ITSELF}, "kms:*")], "no identity-based policy allows it"),
        ([USE], [to({"AWS": "<role>"}, "kms:*"), to("*", "kms:*", Effect="Deny")], "explicit Deny"),
        ([USE], [to({"AWS": "<role>"}, "kms:*"), to({"AWS": ACCOUNT_ITSELF}, "kms:*", Effect="Deny")], "explicit Deny"),
        ([deny("kms:GenerateDataKey")], [to({"AWS": "<role>"}, "kms:*")], "explicit Deny"),
        ([USE], [to({"AWS": ACCOUNT_ITSELF.replace("arn:aws:", "arn:aws-cn:")}, "kms:*")], "no resource-based policy"),
    ],
)
def test_the_key_s_policy_decides_or_leaves_it_to_the_account_s_policies(
    engine: Engine, bucket: str, identity: list[dict[str, Any]], policy: list[dict[str, Any]], reason: str
) -> None:
    role, key = Role(engine, *READ_WRITE, *identity), create_key(engine)
    named = json.loads(json.dumps(policy).replace("<role>", role.arn).replace("<other>", f"{role.arn}-other"))
    set_policy(engine, key, *named)
    found = put(role, bucket, key)
    assert (reason in found) if reason else found == ""
    if reason:
        assert f"is not authorized to perform: kms:GenerateDataKey on resource: {key} because" in found


@pytest.mark.parametrize(
    ("constraints", "operations", "allowed"),
    [
        ({}, ["GenerateDataKey"], True),
        ({}, ["Decrypt"], False),
        ({"EncryptionContextSubset": {"aws:s3:arn": "<object>"}}, ["GenerateDataKey"], True),
        ({"EncryptionContextEquals": {"aws:s3:arn": "<object>"}}, ["GenerateDataKey"], True),
        ({"EncryptionContextEquals": {"aws:s3:arn": "<object>", "team": "a"}}, ["GenerateDataKey"], False),
        ({"EncryptionContextSubset": {"aws:s3:arn": "<object>-2"}}, ["GenerateDataKey"], False),
    ],
)
def test_a_grant_replaces_the_statement(
    engine: Engine, bucket: str, constraints: dict[str, Any], operations: list[str], allowed: bool
) -> None:
    role, key, kms = Role(engine, *READ_WRITE), create_key(engine), engine.client("kms")
    assert put(role, bucket, key)
    filled = json.loads(json.dumps(constraints).replace("<object>", f"arn:aws:s3:::{bucket}/made"))
    grant = kms.create_grant(KeyId=key, GranteePrincipal=role.arn, Operations=operations, Constraints=filled)
    assert (put(role, bucket, key) == "") == allowed
    kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    assert put(role, bucket, key)


def test_a_condition_names_the_encryption_context(engine: Engine, bucket: str) -> None:
    def when(arn: str) -> dict[str, Any]:
        return USE | {"Condition": {"StringLike": {"kms:EncryptionContext:aws:s3:arn": arn}}}

    key, own = create_key(engine), f"arn:aws:s3:::{bucket}/*"
    assert put(Role(engine, *READ_WRITE, when(own)), bucket, key) == ""
    assert put(Role(engine, *READ_WRITE, when(f"arn:aws:s3:::{bucket}-2/*")), bucket, key)
    assert put(Role(engine, *READ_WRITE, when(own.replace("arn:aws:", "arn:aws-cn:"))), bucket, key)


def test_an_object_is_read_and_copied_only_with_its_key(engine: Engine, bucket: str) -> None:
    key = create_key(engine)
    assert put(Role(engine, *READ_WRITE, USE), bucket, key) == ""
    blind = Role(engine, *READ_WRITE)
    assert "kms:Decrypt" in get(blind, bucket)
    with pytest.raises(ClientError, match="kms:Decrypt"):
        blind.client("s3").copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/made")
    assert get(Role(engine, *READ_WRITE, allow("kms:Decrypt")), bucket) == ""


def test_a_bucket_s_own_key_counts_too(engine: Engine) -> None:
    s3, name, key = engine.client("s3"), f"bucket-{uuid4().hex[:8]}", create_key(engine)
    s3.create_bucket(Bucket=name)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    for role, expected in (Role(engine, *READ_WRITE), "kms:GenerateDataKey"), (Role(engine, *READ_WRITE, USE), ""):
        message = ""
        try:
            role.client("s3").put_object(Bucket=name, Key="made", Body=b"1")
        except ClientError as error:
            message = error.response["Error"]["Message"]
        assert expected in message
        assert bool(expected) == bool(message)


def test_each_part_of_an_upload_is_decrypted(engine: Engine, bucket: str) -> None:
    role, key = Role(engine, *READ_WRITE, allow("kms:GenerateDataKey")), create_key(engine)
    s3, place = role.client("s3"), {"Bucket": bucket, "Key": "parts"}
    upload = s3.create_multipart_upload(**place, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)["UploadId"]
    with pytest.raises(ClientError, match="kms:Decrypt"):
        s3.upload_part(**place, UploadId=upload, PartNumber=1, Body=b"1")


def test_a_key_that_does_not_exist_or_of_another_account_is_refused(engine: Engine, bucket: str) -> None:
    role, key = Role(engine, *READ_WRITE, USE), create_key(engine)
    for name in (f"{key}-2", "alias/absent"):
        assert "the key does not exist" in put(role, bucket, name)
    foreign = key.replace(ACCOUNT, "999999999999")
    assert "a key in another account is not known here" in put(role, bucket, foreign)


def test_only_a_service_s_grant_is_for_an_aws_resource(engine: Engine) -> None:
    key = create_key(engine)
    role = Role(engine, allow("kms:CreateGrant") | ONLY_GRANTS)
    with pytest.raises(ClientError, match="kms:CreateGrant"):
        role.client("kms").create_grant(KeyId=key, GranteePrincipal=role.arn, Operations=["Decrypt"])


GRANT = allow("kms:CreateGrant") | ONLY_GRANTS
# SageMaker grants itself a key in the name of its caller.
CALLER_GRANT = allow("kms:CreateGrant", Condition={**ONLY_GRANTS["Condition"], **VIA_SAGEMAKER["Condition"]})
ENCRYPT = allow("kms:Encrypt")
WORK = allow(["s3:*", "logs:*", "ecr:*", "cloudwatch:*"])
T = TypeVar("T", bound=World)


def make_world(kind: type[T], engine: Engine, caller: list[dict[str, Any]], execution: list[dict[str, Any]]) -> T:
    """A world in which a role calls SageMaker, and in which the execution role has these statements."""
    world = kind(engine)
    document = json.dumps({"Version": "2012-10-17", "Statement": [WORK, *execution]})
    engine.client("iam").put_role_policy(RoleName=world.bucket, PolicyName="own", PolicyDocument=document)
    world.sagemaker = Role(engine, allow(["sagemaker:*", "iam:PassRole"]), *caller).client("sagemaker")
    return world


@pytest.mark.parametrize(
    ("caller", "execution", "missing"),
    [
        ([], [GRANT, ENCRYPT, USE], ""),
        ([CALLER_GRANT], [ENCRYPT, USE], ""),
        ([], [ENCRYPT, USE], "kms:CreateGrant"),
        ([], [GRANT, USE], "kms:Encrypt"),
        ([], [GRANT | VIA_SAGEMAKER, ENCRYPT, USE], "kms:CreateGrant"),  # through which service, AWS does not say
    ],
)
def test_the_keys_of_a_training_need_permissions(
    engine: Engine, caller: list[dict[str, Any]], execution: list[dict[str, Any]], missing: str
) -> None:
    trainer, key = make_world(Trainer, engine, caller, execution), create_key(engine)
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10, "VolumeKmsKeyId": key}
    changes = {
        "ResourceConfig": resources,
        "OutputDataConfig": {"S3OutputPath": f"s3://{trainer.bucket}/out", "KmsKeyId": key},
    }
    if missing:
        with pytest.raises(ClientError, match=f"SageMaker is not authorized to perform: {missing}"):
            trainer.start("", **changes)
        return
    script = "import os; open(os.environ['SM_MODEL_DIR'] + '/weights', 'w').write('1')"
    job = trainer.finish(trainer.start(script, **changes))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    (_, _, name) = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
    stored = trainer.s3.head_object(Bucket=trainer.bucket, Key=name)
    assert (stored["ServerSideEncryption"], stored["SSEKMSKeyId"]) == ("aws:kms", key)


def test_a_training_whose_role_may_not_make_data_keys_fails(engine: Engine) -> None:
    trainer, key = make_world(Trainer, engine, [], [ENCRYPT]), create_key(engine)
    output = {"S3OutputPath": f"s3://{trainer.bucket}/out", "KmsKeyId": key}
    script = "import os; open(os.environ['SM_MODEL_DIR'] + '/weights', 'w').write('1')"
    job = trainer.finish(trainer.start(script, OutputDataConfig=output))
    assert job["TrainingJobStatus"] == "Failed"
    assert "kms:GenerateDataKey" in job["FailureReason"]


@pytest.mark.parametrize(("execution", "status"), [([ENCRYPT, USE], "Completed"), ([ENCRYPT], "Failed")])
def test_the_outputs_of_processing_jobs_are_encrypted(
    engine: Engine, execution: list[dict[str, Any]], status: str
) -> None:
    processor, key = make_world(Processor, engine, [], execution), create_key(engine)
    output = processor.processing_outputs(made=("EndOfJob")) | {"KmsKeyId": key}
    script = "open('/opt/ml/processing/made/file', 'w').write('1')"
    job = processor.finish(processor.start(script, ProcessingOutputConfig=output))
    assert job["ProcessingJobStatus"] == status, job.get("FailureReason")


@pytest.mark.parametrize(
    ("caller", "execution", "missing"),
    [
        ([CALLER_GRANT], [], ""),
        ([], [GRANT], "kms:CreateGrant"),  # the execution role's permission does not help
        ([allow("kms:CreateGrant") | VIA_S3], [], "kms:CreateGrant"),
    ],
)
def test_the_volumes_of_an_endpoint_need_a_grant_of_the_caller(
    engine: Engine, caller: list[dict[str, Any]], execution: list[dict[str, Any]], missing: str
) -> None:
    host, key = make_world(Host, engine, caller, execution), create_key(engine)
    config, model = f"config-{uuid4().hex[:8]}", host.model(SERVE_OWN)
    variant = {"VariantName": "all", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    host.sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant], KmsKeyId=key)
    if missing:
        with pytest.raises(ClientError, match=missing):
            host.begin(config)
        return
    assert host.settle(host.begin(config))["EndpointStatus"] == "InService"


def test_the_key_of_captured_data_needs_the_model_s_role(engine: Engine) -> None:
    host, key = make_world(Host, engine, [], []), create_key(engine)
    variant = {"VariantName": "all", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    capture = {
        **{"EnableCapture": True, "InitialSamplingPercentage": 100, "CaptureOptions": [{"CaptureMode": "Input"}]},
        **{"DestinationS3Uri": f"s3://{host.bucket}/captured", "KmsKeyId": key},
    }
    with pytest.raises(ClientError, match="kms:Encrypt"):
        host.sagemaker.create_endpoint_config(
            EndpointConfigName="captured",
            ProductionVariants=[variant | {"ModelName": host.model(SERVE_OWN)}],
            DataCaptureConfig=capture,
        )


def test_the_key_of_a_transform_s_results_needs_the_model_s_role(engine: Engine) -> None:
    transformer, key = make_world(Transformer, engine, [], []), create_key(engine)
    model, data = transformer.model(SERVE_OWN), transformer.put("rows.csv", "1\n")
    with pytest.raises(ClientError, match="kms:Encrypt"):
        transformer.transform(model, data, TransformOutput={"KmsKeyId": key})
