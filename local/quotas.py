"""Service Quotas: this engine has no limits, so the list is empty."""

import json

from moto.servicequotas.responses import ServiceQuotasResponse

MOTO_NAMES: tuple[str, ...] = ("moto.servicequotas.responses.ServiceQuotasResponse",)


def install() -> None:
    """Serve ListServiceQuotas, which moto lacks."""
    ServiceQuotasResponse.list_service_quotas = _list_service_quotas


def _list_service_quotas(_self: ServiceQuotasResponse) -> str:
    return json.dumps({"Quotas": []})
