"""Each call needs a key that the engine knows, and the engine's own pages need its key in a header."""

import json
import stat
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.engine import Engine, running_engine
from tests.local.functions import name


def client(engine: Engine, service: str, key: str, **options: Any) -> Any:
    session: Any = boto3.session.Session(key, "secret", region_name="us-east-1")
    return session.client(service, endpoint_url=engine.endpoint_url, config=Config(**options))


def refuse(call: Any, **parameters: Any) -> tuple[str, int, str]:
    """The code, the status and the message of a refusal."""
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    answer = raised.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def fetch(
    address: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """The status and the body of a plain request, as a browser sends one."""
    request = urllib.request.Request(address, body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


CALLS: list[tuple[str, str, dict[str, str], str, int]] = [
    ("sns", "list_topics", {}, "InvalidClientTokenId", 403),
    ("sqs", "list_queues", {}, "InvalidClientTokenId", 403),
    ("cloudformation", "list_stacks", {}, "InvalidClientTokenId", 403),
    ("s3", "list_objects_v2", {"Bucket": "some-bucket"}, "InvalidAccessKeyId", 403),
    ("ssm", "describe_parameters", {}, "UnrecognizedClientException", 400),
    ("sagemaker", "list_models", {}, "UnrecognizedClientException", 400),
    ("lambda", "list_functions", {}, "UnrecognizedClientException", 403),
]


@pytest.mark.parametrize(("service", "operation", "parameters", "code", "status"), CALLS)
def test_an_unknown_key_is_refused_as_on_aws(
    engine: Engine, service: str, operation: str, parameters: dict[str, str], code: str, status: int
) -> None:
    for key in ("local", "123456789012", f"{engine.owner}x", f"{engine.owner}_12345", "AKIAIOSFODNN7EXAMPLE"):
        found = refuse(getattr(client(engine, service, key), operation), **parameters)
        assert found[:2] == (code, status)
        assert f"the access key of this engine is in {engine.data}/access_key" in found[2]


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("ssm", "describe_parameters", "MissingAuthenticationTokenException", 400),
        ("s3", "list_buckets", "AccessDenied", 403),
    ],
)
def test_a_call_without_a_signature_is_refused(
    engine: Engine, service: str, operation: str, code: str, status: int
) -> None:
    unsigned = client(engine, service, "", signature_version=UNSIGNED)
    assert refuse(getattr(unsigned, operation))[:2] == (code, status)


def test_an_image_of_a_web_page_changes_nothing(engine: Engine) -> None:
    """A browser requests it without an Origin, from a page of any site."""
    topic = name("topic")
    query = urllib.parse.urlencode({"Action": "CreateTopic", "Name": topic})
    assert fetch(f"{engine.endpoint_url}/?{query}")[0] == 403
    assert fetch(f"{engine.endpoint_url}/moto-api/reset", "POST")[0] == 400
    topics = engine.client("sns").get_paginator("list_topics").paginate().build_full_result()["Topics"]
    assert topic not in str(topics)


def test_the_key_of_a_user_counts_while_it_is_active(engine: Engine) -> None:
    iam, user = engine.client("iam"), name("user")
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    sts = client(engine, "sts", key)
    assert sts.get_caller_identity()["Arn"].endswith(f":user/{user}")
    iam.update_access_key(UserName=user, AccessKeyId=key, Status="Inactive")
    assert refuse(sts.get_caller_identity)[0] == "InvalidClientTokenId"
    iam.update_access_key(UserName=user, AccessKeyId=key, Status="Active")
    assert sts.get_caller_identity()["Arn"].endswith(f":user/{user}")
    iam.delete_access_key(UserName=user, AccessKeyId=key)
    assert refuse(sts.get_caller_identity)[0] == "InvalidClientTokenId"


@pytest.mark.parametrize("signature", ["s3", "s3v4"])
def test_presigned_urls_and_forms_carry_the_key(engine: Engine, signature: str) -> None:
    bucket = name("bucket")
    engine.client("s3").create_bucket(Bucket=bucket)
    where = {"Bucket": bucket, "Key": "some/key"}
    for key, expected in ((engine.owner, 200), ("AKIAIOSFODNN7EXAMPLE", 403)):
        s3 = client(engine, "s3", key, signature_version=signature)
        assert fetch(s3.generate_presigned_url("put_object", where), "PUT", b"text")[0] == expected
        assert fetch(s3.generate_presigned_url("get_object", where))[0] == expected
        form = s3.generate_presigned_post(**where)
        parts = "".join(
            f'--x\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
            for field, value in (form["fields"] | {"file": "text"}).items()
        )
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        status, _ = fetch(form["url"], "POST", f"{parts}--x--\r\n".encode(), kind)
        assert status == (204 if expected == 200 else 403)


def test_an_unsigned_request_gets_what_the_policy_of_a_bucket_gives_to_everybody(engine: Engine) -> None:
    bucket, s3 = name("bucket"), engine.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="open/file", Body=b"text")
    address = f"{engine.endpoint_url}/{bucket}"
    assert fetch(f"{address}/open/file")[0] == 403
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/open/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    assert fetch(f"{address}/open/file") == (200, b"text")
    assert fetch(f"{address}/closed/file")[0] == 403
    assert fetch(f"{address}/open/file", "PUT", b"other")[0] == 403
    assert fetch(f"{address}/open/file", "DELETE")[0] == 403
    assert fetch(f"{engine.endpoint_url}/{name('absent')}/file")[0] == 404
    assert fetch(f"{engine.endpoint_url}/{name('made')}", "PUT")[0] == 403


@pytest.mark.parametrize("page", ["audit", "faults"])
def test_the_engines_pages_need_its_key(engine: Engine, page: str) -> None:
    address = f"{engine.endpoint_url}/_local/{page}"
    for method in ("GET", "DELETE", "PUT"):
        assert fetch(address, method, b"[]")[0] == 403
        assert fetch(address, method, b"[]", {"X-Local": "1"})[0] == 403
    assert fetch(address, headers={"X-Local": engine.owner})[0] == 200
    assert fetch(f"{engine.endpoint_url}/_local/health")[0] == 200
    assert fetch(f"{engine.endpoint_url}/_local/health", "POST", b"")[0] == 403


def test_each_data_folder_has_a_key_that_only_its_user_can_read(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "access_key"
    with running_engine(tmp_path) as first:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert first.owner == file.read_text()
        assert first.owner != engine.owner
        assert refuse(client(first, "sns", engine.owner).list_topics)[0] == "InvalidClientTokenId"
    with running_engine(tmp_path) as again:
        assert again.owner == first.owner
