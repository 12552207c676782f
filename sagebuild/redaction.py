"""Removes secrets from text that people hear or read: keys, tokens, passwords, and the values of secret settings."""

from __future__ import annotations

import re

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
_LOGINS = re.compile(r"(://)[^/\s:@]+:[^/\s@]+@")  # https://name:password@host


def redact_secrets(text: str) -> str:
    """Return the text with (hidden) in place of everything that looks like a secret."""
    without_tokens = _LOGINS.sub(rf"\1{HIDDEN}@", _TOKENS.sub(HIDDEN, text))
    return _SETTINGS.sub(lambda match: f"{match['name']}{HIDDEN}", without_tokens)
