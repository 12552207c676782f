"""The AWS partitions: which one a region belongs to, and its host names."""

from typing import NamedTuple


class Partition(NamedTuple):
    """A group of regions with its own accounts, ARNs and host names.

    Parameters
    ----------
    name
        The second part of its ARNs.
    prefix
        With which the names of its regions begin.
    domain
        Of the services' host names, as in botocore's partitions.json.
    console
        Host name of the AWS console; empty if AWS's public documentation does not name it.
    """

    name: str
    prefix: str
    domain: str
    console: str = ""


# The consoles are those of https://docs.amazonaws.cn/en_us/aws/latest/userguide/introduction.html,
# https://docs.aws.amazon.com/govcloud-us/latest/UserGuide/getting-started.html and
# https://docs.aws.eu/general/latest/gr/endpoints.html
_OTHERS = (
    Partition("aws-cn", "cn-", "amazonaws.com.cn", "console.amazonaws.cn"),
    Partition("aws-us-gov", "us-gov-", "amazonaws.com", "console.amazonaws-us-gov.com"),
    Partition("aws-eusc", "eusc-", "amazonaws.eu", "console.amazonaws-eusc.eu"),
    Partition("aws-iso", "us-iso-", "c2s.ic.gov"),
    Partition("aws-iso-b", "us-isob-", "sc2s.sgov.gov"),
    Partition("aws-iso-e", "eu-isoe-", "cloud.adc-e.uk"),
    Partition("aws-iso-f", "us-isof-", "csp.hci.ic.gov"),
)
_COMMERCIAL = Partition("aws", "", "amazonaws.com", "console.aws.amazon.com")


def find_partition(region: str) -> Partition:
    """Return the partition of a region, such as eu-west-1; the commercial one for a region with no known prefix."""
    return next((each for each in _OTHERS if region.startswith(each.prefix)), _COMMERCIAL)
