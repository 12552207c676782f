"""Shortens the reason of a build's end to one plain sentence that a person can hear."""

from __future__ import annotations

import re

from sagebuild.redaction import redact_secrets

# SageMaker's report of a script: AlgorithmError: ExecuteUserScriptError: ExitCode 2 ErrorMessage "..." Command "..."
_MESSAGE = re.compile(r'ErrorMessage "(.*?)"?\s*,?\s*(?:\bCommand "|\bexit code|$)', re.DOTALL)
_COMMAND = re.compile(r',? ?\bCommand ".*', re.DOTALL)
_PREFIXES = re.compile(r"^(?:(?:AlgorithmError|ClientError|InternalServerError|ExecuteUserScriptError)\b:?,? ?)+")
_EXIT_CODE = re.compile(r",? ?\bExit ?Code:? ?-?\d+,?", re.IGNORECASE)
_SAID = re.compile(r"^(\S+\.py): error: (.+)")
_OPTIONS = re.compile(r"(?: --?[\w-]+(?:[ =](?!-)\S+)?){2,}")
_ADDRESSES = re.compile(r"\b(?:arn:aws[\w-]*:\S+|s3://\S+|https?://\S+)")
_FOLDERS = re.compile(r"(?:/[\w.@-]+){2,}/")
_SENTENCE_END = re.compile(r"(?<=[a-z0-9\])'\"][.!?]) (?=[A-Z])")


def shorten_reason(reason: str) -> str:
    """Return one sentence: no command line, no options, no addresses, no secrets."""
    text = reason.partition("\n\n")[0].strip()  # the rest is lines of a log
    if message := _MESSAGE.search(text):
        text = _pick_line(message[1])
    text = _EXIT_CODE.sub("", _PREFIXES.sub("", _COMMAND.sub("", text))).strip()
    if said := _SAID.match(text):
        text = f"{said[1]} said: {said[2]}"
    text = redact_secrets(_FOLDERS.sub("", _OPTIONS.sub("", _ADDRESSES.sub("an AWS resource", text))))
    first = _SENTENCE_END.split(" ".join(text.split()))[0].strip(" ,;:")
    return first if first.endswith((".", "!", "?")) else f"{first}."


def _pick_line(message: str) -> str:
    """Return the line with the error: the last one of a traceback, or of a usage message."""
    lines = [line.strip() for line in message.replace("\\n", "\n").splitlines() if line.strip()]
    return lines[-1] if lines else ""
