"""Service Quotas: this engine limits nothing, so no quota applies."""

import json

from moto.servicequotas.responses import ServiceQuotasResponse

MOTO_NAMES: tuple[str, ...] = ("moto.servicequotas.responses.ServiceQuotasResponse",)


def install() -> None:
    """Answer ListServiceQuotas, which moto does not know."""
    ServiceQuotasResponse.list_service_quotas = _list_service_quotas


def _list_service_quotas(_self: ServiceQuotasResponse) -> str:
    return json.dumps({"Quotas": []})
