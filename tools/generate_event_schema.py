"""Writes the JSON Schema of the event ``Build State Change`` from its model: ``make docs``."""

import json
from pathlib import Path

from pydantic import TypeAdapter

from sagebuild.events.change import DETAIL_TYPE, BuildStateChange

SCHEMA = Path(__file__).parents[1] / "docs" / "build-state-change-1.schema.json"


def write_schema() -> str:
    """Return the JSON Schema of the event's detail."""
    schema = TypeAdapter(BuildStateChange).json_schema(mode="serialization")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"The detail of {DETAIL_TYPE}"}
    return json.dumps(head | schema | {"title": head["title"]}, indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(write_schema(), encoding="utf-8")
