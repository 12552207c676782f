"""Decides whether the text of a launch message is JSON or free text, which is the build's reason."""

from __future__ import annotations

import json
import re
import unicodedata

# A fence of Markdown, a comment of JavaScript or a shell, and the begin of an object whose braces are missing.
_FENCE = re.compile(r"`{3,}\w*")
_COMMENT = re.compile(r"/\*.*?\*/|(?://|#)[^\r\n]*", re.DOTALL)
_PAIR = re.compile(r"""(["'\u201c\u201d\u2018\u2019]?)[\w.]+\1\s*:\s*["'{\[]|(["'\u201c])[\w.]+["'\u201d]\s*:""")
_QUOTES = "\"'\u201c\u201d\u2018\u2019"


def strip_invisible(text: str) -> str:
    """Return text without the spaces, byte order marks and other invisible characters before it."""
    begin = next((place for place, character in enumerate(text) if not _is_invisible(character)), len(text))
    return text[begin:]


def begins_like_json(text: str) -> bool:
    """Return whether the text may have been meant as a JSON object or list, so that it must not become free text.

    That includes JSON in quotes or in a fence, after a comment, and without its outer braces.
    """
    rest = strip_invisible(text)
    while match := _FENCE.match(rest) or _COMMENT.match(rest):
        rest = strip_invisible(rest[match.end() :])
    if rest[:1] in _QUOTES and _is_quoted_json(rest):
        return True
    return rest[:1] in ("{", "[") or bool(_PAIR.match(rest))


def _is_quoted_json(text: str) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text[1:]
    return isinstance(value, str) and strip_invisible(value)[:1] in ("{", "[")


def _is_invisible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf")
