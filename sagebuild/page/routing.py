"""Finds the section that an address names, with its pipeline and build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagebuild.page.answers import Answer, catch_errors
from sagebuild.page.parts import BUILD_PARTS, PIPELINE_PARTS
from sagebuild.page.source import Source
from sagebuild.page.stack_parts import STACK_PARTS, pipelines


def answer_part(source: Source, path: Mapping[str, Any], query: Mapping[str, str]) -> Answer | None:
    """Return the content of a section; None if there is no such section."""
    name, number = path["part"], path.get("number")
    if number is None and name == "pipelines":
        return catch_errors(lambda: pipelines(source))
    if number is None:
        for_pipeline = PIPELINE_PARTS.get(name) or STACK_PARTS.get(name)
        return for_pipeline and catch_errors(lambda: for_pipeline(source.pipeline(path["pipeline"]), query))
    for_build = BUILD_PARTS.get(name)
    if for_build is None:
        return None

    def answer() -> Answer:
        return for_build(source.pipeline(path["pipeline"]), source.build(path["pipeline"], number), query)

    return catch_errors(answer)
