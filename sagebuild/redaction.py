"""Removes secrets from text that people hear or read: keys, tokens, passwords, and the values of secret settings."""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "(hidden)"

# AWS's access keys: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html. Tokens of GitHub,
# Hugging Face, Slack and others have a prefix; JSON web tokens begin with the code of {".
_TOKENS = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bhf_\w{20,}|\bxox[a-z]-[\w-]{10,}"
    r"|\bsk-[\w-]{16,}|\beyJ[\w-]{10,}\.[\w-]+(?:\.[\w-]+)?|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END|$)"
)
_NAMES = r"pass(?:word|wd|phrase)?|secret\w*|token|api[_-]?key|access[_-]?key\w*|private[_-]?key|credentials?|auth\w*"
# password=x, --api-key x, "token": "x", Authorization: Bearer x
_SETTINGS = re.compile(
    rf"(?P<name>[\"']?[\w-]*(?:{_NAMES})[\"']?\s*[=:]\s*|--[\w-]*(?:{_NAMES})[\w-]*[ =])"
    r"(?P<value>(?:Bearer |Basic )?(?:\"[^\"]*\"|'[^']*'|[^\s,;&\"']+))",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(rf"[\w.-]*(?:{_NAMES})", re.IGNORECASE)  # of a member of an object
_LOGINS = re.compile(r"(://)[^/\s:@]+:[^/\s@]+@")  # https://name:password@host


def redact_secrets(text: str) -> str:
    """Return the text with (hidden) in place of everything that looks like a secret."""
    without_tokens = _LOGINS.sub(rf"\1{HIDDEN}@", _TOKENS.sub(HIDDEN, text))
    return _SETTINGS.sub(lambda match: f"{match['name']}{HIDDEN}", without_tokens)


def redact_values(value: Any) -> Any:
    """Return a JSON value with (hidden) in place of what looks like a secret, by its text or by its member's name."""
    if isinstance(value, str):
        return redact_secrets(value)
    if isinstance(value, list):
        return [redact_values(one) for one in value]
    if not isinstance(value, dict):
        return value
    # {"name": "hyperparameters.password", "before": ..., "after": ...} and {"Name": ..., "Value": ...} name a setting.
    names_secret = any(_is_secret(value.get(key)) for key in ("name", "Name"))
    return {
        name: HIDDEN
        if _can_be_secret(one) and (_is_secret(name) or (names_secret and name.lower() != "name"))
        else redact_values(one)
        for name, one in value.items()
    }


def _is_secret(name: object) -> bool:
    return isinstance(name, str) and bool(_SECRET_NAME.fullmatch(name))


def _can_be_secret(value: object) -> bool:
    """Return False for nothing, yes and no, fractions, and for lists and objects, whose members are checked."""
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""
