"""Whether the account's quotas let a build have the instances that it needs, as Service Quotas tells it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.errors import AwsUnavailableError
from sagebuild.service import Service, aws_call

# Some thousand quotas, a hundred on a page: seconds, against a training of minutes whose model then finds no instance.
LONGEST = 15.0  # seconds


class QuotasUnknown(Exception):  # noqa: N818 - an outcome, not a failure of ours
    """The quotas cannot be told; the message says why."""


def count_needs(bodies: Mapping[str, dict[str, Any]]) -> dict[str, int]:
    """Names of quotas, as the Service Quotas console shows them, and how much of each a build's requests need."""
    tuning = bodies.get("tuning", {})
    training = bodies.get("training") or tuning.get("TrainingJobDefinition", {})
    limits = tuning.get("HyperParameterTuningJobConfig", {}).get("ResourceLimits", {})
    resources = training.get("ResourceConfig", {})
    count = resources.get("InstanceCount", 1) * limits.get("MaxParallelTrainingJobs", 1)
    way = "spot training job" if training.get("EnableManagedSpotTraining") else "training job"
    usages = [(resources.get("InstanceType"), way, count)]
    if resources.get("KeepAlivePeriodInSeconds"):
        usages.append((resources.get("InstanceType"), "training warm pool", count))
    for variant in bodies["endpointConfig"]["ProductionVariants"]:
        usages.append((variant.get("InstanceType"), "endpoint", variant.get("InitialInstanceCount", 1)))
    needs: dict[str, int] = {}
    for instance_type, usage, count in usages:
        if instance_type:
            name = f"{instance_type} for {usage} usage"
            needs[name] = needs.get(name, 0) + count
    return needs


def find_short_quotas(
    service: Service, needs: Mapping[str, int], clock: Callable[[], float] = time.monotonic
) -> dict[str, float]:
    """Those of the quotas, by name, that are less than what is needed, with their values.

    What was enough once is not asked for again in a function's life; what was not may have been raised since.

    Raises
    ------
    QuotasUnknown
        The function may not ask, or the answer takes too long.
    """
    known = _known_quotas(service)
    if not all(known.get(name, 0) >= need for name, need in needs.items()):
        known.clear()
        _list_quotas(service, known, needs, clock)
    return {name: known[name] for name, need in needs.items() if name in known and known[name] < need}


def _list_quotas(
    service: Service, known: dict[str, float], needs: Mapping[str, int], clock: Callable[[], float]
) -> None:
    deadline = clock() + LONGEST
    try:
        with aws_call("list the service quotas"):
            pages = service.quotas.get_paginator("list_service_quotas").paginate(
                ServiceCode="sagemaker", PaginationConfig={"PageSize": 100}
            )
            for page in pages:
                known.update({quota["QuotaName"]: quota["Value"] for quota in page["Quotas"]})
                if needs.keys() <= known.keys():
                    return
                if clock() > deadline:
                    raise QuotasUnknown(f"their list takes longer than {LONGEST:.0f} s.")
    except AwsUnavailableError as error:
        raise QuotasUnknown(str(error)) from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("AccessDeniedException", "AccessDenied"):
            raise QuotasUnknown("the account does not allow servicequotas:ListServiceQuotas.") from error
        # A Service Quotas that knows nothing of SageMaker, such as that of local/.
        if code != "NoSuchResourceException":
            raise


@lru_cache(maxsize=1)
def _known_quotas(_service: Service) -> dict[str, float]:
    return {}
