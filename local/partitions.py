"""The partition of a region: its name in ARNs, and the domain of its services."""

import re
from functools import cache
from typing import Any

from botocore.session import Session

from local import config


def of(region: str) -> str:
    """The partition in the ARNs of a region: aws, aws-cn, aws-us-gov and others."""
    return _find(region)[0]


def current() -> str:
    """The partition of this engine's account. An account is in one partition only."""
    return of(config.current().region)


def domain(region: str) -> str:
    """The domain of a region's services, such as ``amazonaws.com.cn``."""
    return _find(region)[1]


def knows(region: str) -> bool:
    """False for a text that botocore does not know as a region."""
    return any(region in each["regions"] for each in _list())


@cache
def _find(region: str) -> tuple[str, str]:
    for each in _list():
        if region in each["regions"] or re.fullmatch(each["regionRegex"], region):
            return str(each["partition"]), str(each["dnsSuffix"])
    return "aws", "amazonaws.com"


@cache
def _list() -> list[Any]:
    return list(Session().get_component("data_loader").load_data("endpoints")["partitions"])
