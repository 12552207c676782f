"""The partition of a region: its name in ARNs, and the domain of its services."""

from functools import cache
from typing import Any

from botocore.session import Session
from moto.utilities.utils import get_partition

from local import config

MOTO_NAMES = ("moto.utilities.utils.get_partition",)


def of(region: str) -> str:
    """The partition in the ARNs of a region: aws, aws-cn or aws-us-gov."""
    return str(get_partition(region))


def current() -> str:
    """The partition of this engine's account. An account is in one partition only."""
    return of(config.current().region)


@cache
def domain(region: str) -> str:
    """The domain of a region's services, such as ``amazonaws.com.cn``."""
    data: Any = Session().get_component("data_loader").load_data("endpoints")
    return str(next(each["dnsSuffix"] for each in data["partitions"] if each["partition"] == of(region)))
