"""Compares the instances that a build needs with the account's quotas in Service Quotas."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from botocore.exceptions import ClientError

from sagebuild.errors import AwsUnavailableError
from sagebuild.plan.uses import Use, count_instances
from sagebuild.requests.bodies import read_kind
from sagebuild.running.endpoint import Endpoint, describe_variants
from sagebuild.service import Service, aws_call
from sagebuild.settings import Settings

# Thousands of quotas at 100 a page take seconds; a quota found too late costs a training that cannot be deployed.
LIST_TIMEOUT_SECONDS = 15.0


class QuotasUnknown(Exception):  # noqa: N818 - an outcome, not a failure
    """The quotas could not be read; the message gives the reason."""


def count_needs(bodies: Mapping[str, dict[str, Any]], *, deploys: bool) -> dict[str, int]:
    """Count the instances that a build's requests need, by the quota's name in the Service Quotas console.

    Parameters
    ----------
    deploys
        Whether the build creates or updates the endpoint.
    """
    tuning = bodies.get("tuning", {})
    training = bodies.get("training") or tuning.get("TrainingJobDefinition", {})
    limits = tuning.get("HyperParameterTuningJobConfig", {}).get("ResourceLimits", {})
    resources = training.get("ResourceConfig", {})
    job = "spot training job" if training.get("EnableManagedSpotTraining") else "training job"
    needs = _count_processing(bodies)
    if scoring := bodies.get("transform", {}).get("TransformResources"):
        needs[f"{scoring['InstanceType']} for transform job usage"] = scoring["InstanceCount"]
    for group in resources.get("InstanceGroups") or [resources]:
        usages = [job, "training warm pool"] if resources.get("KeepAlivePeriodInSeconds") else [job]
        count = group.get("InstanceCount", 1) * limits.get("MaxParallelTrainingJobs", 1)
        for usage in usages if group.get("InstanceType") else ():
            name = f"{group['InstanceType']} for {usage} usage"
            needs[name] = needs.get(name, 0) + count
    return needs | (count_instances(bodies["endpointConfig"]["ProductionVariants"]) if deploys else {})


def _count_processing(bodies: Mapping[str, dict[str, Any]]) -> dict[str, int]:
    """Count the instances of the processing and evaluation jobs, of which one runs at a time."""
    needs: dict[str, int] = {}
    for kind, body in bodies.items():
        if read_kind(kind) == "processing":
            cluster = body["ProcessingResources"]["ClusterConfig"]
            name = f"{cluster['InstanceType']} for processing job usage"
            needs[name] = max(needs.get(name, 0), cluster["InstanceCount"])
    return needs


def count_old_fleet(service: Service, live: Endpoint | None, needs: Mapping[str, int]) -> dict[str, int]:
    """Count the instances that keep serving while an update starts the new ones, by the name of a needed quota.

    SageMaker terminates the old instances after the traffic has moved to the new ones:
    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html. A failed endpoint is deleted
    before its replacement is created.
    """
    if live is None or live.status == "Failed":
        return {}
    old = count_instances(describe_variants(service, live.instances or live.config))
    return {name: count for name, count in old.items() if name in needs}


def explain_short_quota(name: str, value: float, need: int, old: int, others: Sequence[Use]) -> str:
    """Explain that the account's quota does not suffice for a build.

    Parameters
    ----------
    need
        The new instances of the build.
    old
        The instances of the pipeline's own endpoint that still serve while the new ones start.
    others
        What other pipelines use.
    """
    new = ", as in many new accounts" if value == 0 else ""
    short = f"The account's quota '{name}' is {value:g}{new}, and the build needs {need}"
    if old:
        short += f" in addition to the {old} that serve until the update is complete"
    if value < need + old or not others:
        return f"{short}; request an increase in the Service Quotas console, or choose another instance type or count."
    total, each = sum(use.count for use in others), ", ".join(map(str, others))
    return (
        f"{short}, while other pipelines use {total}: {each}; wait for their builds, request an increase in the "
        "Service Quotas console, or choose another instance type or count."
    )


def find_short_quotas(
    service: Service, needs: Mapping[str, int], clock: Callable[[], float] = time.monotonic, *, of: str = "sagemaker"
) -> dict[str, float]:
    """Return the quotas that are smaller than the need, by name, with their values.

    A warm function keeps the quotas that it has read. It reads them again if one is too small, since it may have been
    raised.

    Parameters
    ----------
    of
        The AWS service's code in Service Quotas.

    Raises
    ------
    QuotasUnknown
        The account denies the call, or the answer takes too long.
    """
    known = _known_quotas(service.settings, of)  # which all pipelines of the stack share
    if not all(known.get(name, 0) >= need for name, need in needs.items()):
        known.clear()
        _list_quotas(service, known, needs, clock, of)
    return {name: known[name] for name, need in needs.items() if name in known and known[name] < need}


def _list_quotas(
    service: Service, known: dict[str, float], needs: Mapping[str, int], clock: Callable[[], float], of: str
) -> None:
    deadline = clock() + LIST_TIMEOUT_SECONDS
    try:
        with aws_call("list the service quotas"):
            pages = service.quotas.get_paginator("list_service_quotas").paginate(
                ServiceCode=of, PaginationConfig={"PageSize": 100}
            )
            for page in pages:
                known.update({quota["QuotaName"]: quota["Value"] for quota in page["Quotas"]})
                if needs.keys() <= known.keys():
                    return
                if clock() > deadline:
                    raise QuotasUnknown(f"listing them takes longer than {LIST_TIMEOUT_SECONDS:.0f} s.")
    except AwsUnavailableError as error:
        raise QuotasUnknown(str(error)) from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("AccessDeniedException", "AccessDenied"):
            raise QuotasUnknown("the account does not allow servicequotas:ListServiceQuotas.") from error
        # Raised where Service Quotas has no quotas of the service, such as in local/.
        if code != "NoSuchResourceException":
            raise


@lru_cache(maxsize=2)
def _known_quotas(_settings: Settings, _of: str) -> dict[str, float]:
    return {}
