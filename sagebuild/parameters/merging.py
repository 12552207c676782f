"""Merges a document and what requests set for one build.

It imports no models: most launches, and most ends of builds, need nothing else of the parameters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sagebuild.parameters.json_text import read_framework


def override_document(
    document: Mapping[str, Any], overrides: Mapping[str, Any], default_framework: str = ""
) -> dict[str, Any]:
    """Return the document of one build: each override replaces a parameter of the document."""
    after, before = dict(document), read_framework(document, default_framework)
    wanted = read_framework(overrides, before)
    if wanted != before:
        from sagebuild.parameters.changes import adapt_framework

        adapt_framework(after, wanted, default_framework)
    return after | dict(overrides)


def merge_overrides(text: str, later: Mapping[str, Any]) -> str:
    """Return the merged overrides of several requests; the later value of a parameter replaces the earlier one.

    Parameters
    ----------
    text
        The overrides so far, as JSON; empty for none.
    """
    return json.dumps({**(json.loads(text) if text else {}), **later}) if later else text
