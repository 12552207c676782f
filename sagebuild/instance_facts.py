"""The processor, the number of GPUs and the disks of an instance type."""

from __future__ import annotations

import re

# https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html (accelerated computing), by family: the number of GPUs of
# each size. tests/sdk compares the table with the SageMaker SDK's, which has fewer types. Of the newest families,
# https://github.com/kubernetes/autoscaler/issues/9854 lists g7e, and https://aws.amazon.com/ec2/instance-types/p5/ and
# https://aws.amazon.com/ec2/instance-types/p6/ list p5e, p5en and p6.
_G5 = {
    **{"xlarge": 1, "2xlarge": 1, "4xlarge": 1, "8xlarge": 1, "16xlarge": 1},
    **{"12xlarge": 4, "24xlarge": 4, "48xlarge": 8},
}
_GPUS: dict[str, dict[str, int]] = {
    "p2": {"xlarge": 1, "8xlarge": 8, "16xlarge": 16},
    "p3": {"2xlarge": 1, "8xlarge": 4, "16xlarge": 8},
    "p3dn": {"24xlarge": 8},
    "p4d": {"24xlarge": 8},
    "p4de": {"24xlarge": 8},
    "p5": {"4xlarge": 1, "48xlarge": 8},
    "p5e": {"48xlarge": 8},
    "p5en": {"48xlarge": 8},
    "p6-b200": {"48xlarge": 8},
    "p6-b300": {"48xlarge": 8},
    "p6e-gb200": {"36xlarge": 4},
    "g4dn": {"xlarge": 1, "2xlarge": 1, "4xlarge": 1, "8xlarge": 1, "12xlarge": 4, "16xlarge": 1},
    "g7e": {"2xlarge": 1, "4xlarge": 1, "8xlarge": 1, "12xlarge": 2, "24xlarge": 4, "48xlarge": 8},
    "g5": _G5,
    "g6": _G5,
    "g6e": _G5,
}


def processor_of(instance_type: str) -> str:
    """Return the processor of an instance type: cpu, gpu, graviton, inf or trn.

    The family decides: https://docs.aws.amazon.com/sagemaker/latest/dg/instance-types-az.html
    """
    family = instance_type.split(".")[1] if instance_type.count(".") == 2 else ""
    if re.match(r"(inf|trn)\d", family):
        return family[:3]
    if re.match(r"(g|gr|p)\d", family):
        return "gpu"
    return "graviton" if re.fullmatch(r"[a-z]+\d+g[a-z]*", family) else "cpu"


def count_gpus(instance_type: str) -> int | None:
    """Return the number of GPUs of an instance type; 0 for one without a GPU, None for a type that is not known."""
    if processor_of(instance_type) != "gpu":
        return 0
    _, family, size = instance_type.split(".")
    return _GPUS.get(family, {}).get(size)


def has_local_storage(instance_type: str) -> bool:
    """Return whether an instance type surely has local storage; False for a family that this function does not know.

    A "d" after the number of a family says so: https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html;
    ml.g5 has it without: https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html.
    """
    return re.match(r"ml\.([a-z]+\d+[a-z]*d[a-z]*|g5)\.", instance_type) is not None
