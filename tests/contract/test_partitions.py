"""Nothing in the code is bound to the commercial partition."""

import json
import re
from pathlib import Path
from typing import Any

import botocore
import pytest

from sagebuild.names import execution_url
from sagebuild.partitions import _OTHERS, find_partition
from sagebuild.service import Service
from tests.engine import ROOT

PARTITIONS: dict[str, Any] = json.loads(
    (Path(botocore.__file__).parent / "data" / "partitions.json").read_text(encoding="utf-8")
)
SOURCES = [
    path
    for folder in ("handlers", "resources", "sagebuild", "skill")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".json", ".yml")
]
COMMERCIAL = re.compile(r"arn:aws:|\.amazonaws\.com|(?<!docs\.)(?<!//)aws\.amazon\.com|amazonaws-us-gov|amazonaws\.cn")
# Names of services, which are the same in all partitions: packages/aws-cdk-lib/region-info of github.com/aws/aws-cdk.
PRINCIPAL = re.compile(
    r"\b(cloudwatch|codebuild|events|lambda|s3|sagemaker|sagemaker\.application-autoscaling|scheduler|sns|states)\.amazonaws\.com\b"
)
ALLOWED = {
    "partitions.py",  # the table of all partitions
    "skill.json",  # an example, which `make skill` replaces by the function's ARN
}


def test_no_source_names_a_partition_or_its_hosts() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in SOURCES
        for line in PRINCIPAL.sub("", path.read_text(encoding="utf-8")).splitlines()
        if path.name not in ALLOWED and COMMERCIAL.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "arn:aws:sns:::x",
        "https://s3.eu-west-1.amazonaws.com/",
        "eu-west-1.console.aws.amazon.com",
        "x.dkr.ecr.y.amazonaws.com",
        "ec2.amazonaws.com",
    ],
)
def test_the_search_finds(line: str) -> None:
    assert COMMERCIAL.search(PRINCIPAL.sub("", line))


@pytest.mark.parametrize("described", PARTITIONS["partitions"], ids=lambda described: described["id"])
def test_the_partitions_are_botocore_s(described: dict[str, Any]) -> None:
    for region in described["regions"]:
        if re.fullmatch(described["regionRegex"], region):  # not the pseudo-region aws-cn-global
            found = find_partition(region)
            assert (found.name, found.domain) == (described["id"], described["outputs"]["dnsSuffix"])


def test_no_partition_is_left_over() -> None:
    assert {each.name for each in _OTHERS} == {each["id"] for each in PARTITIONS["partitions"]} - {"aws"}


@pytest.mark.parametrize(
    ("region", "start"),
    [
        (
            "eu-west-1",
            "https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/arn:aws:",
        ),
        ("cn-north-1", "https://cn-north-1.console.amazonaws.cn/states/home?region=cn-north-1#/"),
        ("us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com/states/home?region=us-gov-west-1#/"),
        ("us-iso-east-1", "arn:aws-iso:states:us-iso-east-1:123456789012:execution:machine:build-7"),
    ],
)
def test_an_execution_s_address_is_in_the_partition_s_console(region: str, start: str) -> None:
    arn = f"arn:{find_partition(region).name}:states:{region}:123456789012:execution:machine:build-7"
    address = execution_url(Service({"AWS_REGION": region}, lambda _: None), arn)
    assert address.startswith(start)
    assert address.endswith(arn)
