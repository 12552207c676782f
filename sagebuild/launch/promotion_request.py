"""Reads what a request for a promotion names: a folder of the model bucket's promotions, and a checksum.

Nothing else in a request decides which model is promoted. The folder's manifest has the rest, and only those who may
write to the model bucket's promotions can write it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sagebuild.errors import MalformedMessageError

PROMOTION = "promotion"  # the kind of trigger, and the member of the message
_MEMBERS = {"folder": re.compile(r"[A-Za-z][A-Za-z0-9-]{0,62}"), "manifest": re.compile(r"[0-9a-f]{64}")}


def read_origin(content: Mapping[str, Any]) -> dict[str, str]:
    """Return the ``folder`` of a promotion, which cannot lead out of the promotions, and the SHA-256 of its manifest.

    Raises
    ------
    MalformedMessageError
        The content names something else, or also parameters.
    """
    given = content[PROMOTION]
    valid = isinstance(given, Mapping) and given.keys() == _MEMBERS.keys() and len(content) == 1
    if not valid or not all(isinstance(given[n], str) and p.fullmatch(given[n]) for n, p in _MEMBERS.items()):
        raise MalformedMessageError(
            "The message is no request for a promotion as sagebuild promote sends it, with a folder and the SHA-256 of "
            "its manifest, and no parameters."
        )
    return dict(given)
