"""Adds the serving script to the trained model's archive, for the containers that read it only from there."""

from typing import Any

from sagebuild.log_keys import logged
from sagebuild.service import Service
from sagebuild.steps.packing import pack_model


@logged("Pack Model")
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Pack a model and its serving script; return the address of the new archive."""
    service, entry, key = Service.from_environment(), event.get("entry"), event.get("key")
    packed = pack_model(service, event["artifacts"], event["source"], event["target"], entry, key)
    return {"artifacts": packed}
