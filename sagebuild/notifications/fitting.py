"""Fits a notification into the size that SNS accepts, and says what was shortened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: bytes of the message, with all protocols' texts, and
# of its attributes together.
LARGEST_BYTES = 262_144
_SMS_LENGTH = 1600  # characters; the same page
# Subscriptions with these protocols receive the facts as JSON; all others, such as email, receive the text.
_MACHINES = ("firehose", "http", "https", "lambda", "sqs")
# How many characters a string may have; the next limit applies if the message is still too large.
_LIMITS = (8000, 4000, 2000, 1000, 500, 200, 60)
_LINES = 200  # of a shortened text
# Of an object or array that is shortened, one entry for each such number of characters of the limit.
_CHARACTERS_PER_ENTRY = 10


@dataclass
class _Shortener:
    """Shortens what is longer than a limit, and notes the names of the shortened parts."""

    limit: int
    names: list[str] = field(default_factory=list)

    def shorten(self, name: str, value: Any) -> Any:
        if isinstance(value, str) and len(value) > self.limit:
            self._note(name)
            return f"{value[: self.limit]} ... ({len(value) - self.limit} more characters)"
        if isinstance(value, Mapping):
            kept = self._keep(name, list(value.items()))
            return {key: self.shorten(name, inner) for key, inner in kept}
        if isinstance(value, list | tuple):
            return [self.shorten(name, inner) for inner in self._keep(name, list(value))]
        return value

    def _keep(self, name: str, entries: list[Any]) -> list[Any]:
        count = max(self.limit // _CHARACTERS_PER_ENTRY, 1)
        if len(entries) > count:
            self._note(name)
        return entries[:count]

    def _note(self, name: str) -> None:
        if name not in self.names:
            self.names.append(name)


def write_fitting(facts: Mapping[str, Any], attributes: Mapping[str, str]) -> str:
    """Return the message of Publish with the texts of all protocols, shortened if it is too large.

    Parameters
    ----------
    facts
        The JSON for machines; its ``text`` is for people. A shortened message names the shortened parts at the end of
        the text, and in ``shortened``.
    attributes
        The message attributes, whose size counts, too.
    """
    room = LARGEST_BYTES - sum(len(name) + len("String") + len(value.encode()) for name, value in attributes.items())
    plain = _clean(facts)
    message = _write(plain)
    for limit in _LIMITS:
        if len(message.encode()) <= room:
            break
        message = _write(_shorten(plain, limit))
    return message


def _shorten(facts: Mapping[str, Any], limit: int) -> dict[str, Any]:
    shortener = _Shortener(limit)
    build = {name: shortener.shorten(name, value) for name, value in facts["build"].items()}
    lines = facts["text"].split("\n")
    text = [shortener.shorten("text", line) for line in lines[:_LINES]]
    if len(lines) > _LINES:
        text.append(f"... ({len(lines) - _LINES} more lines)")
    names = [name for name in shortener.names if name != "text"]
    subject = f"parts of it were left out ({', '.join(names)})" if names else "parts of its text were left out"
    text.append(
        f"This message was too long for SNS, so {subject}; sagebuild show {facts['build']['number']} prints all of it."
    )
    return {**facts, "build": build, "text": "\n".join(text), "shortened": names}


def _write(facts: Mapping[str, Any]) -> str:
    text: str = facts["text"]
    texts = {"default": text} | dict.fromkeys(_MACHINES, _to_json(facts))
    if len(text) > _SMS_LENGTH:
        texts["sms"] = f"{text[: _SMS_LENGTH - 4]} ..."
    return _to_json(texts)


def _to_json(value: Any) -> str:
    # Not ASCII: a character of another alphabet would have six bytes instead of two or three.
    return json.dumps(value, ensure_ascii=False)


def _clean(value: Any) -> Any:
    """Return the value without the characters that a queue or an email cannot hold, such as those of a terminal.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    """
    if isinstance(value, str):
        return "".join(character if character.isprintable() or character in "\n\t" else " " for character in value)
    if isinstance(value, Mapping):
        return {_clean(key): _clean(inner) for key, inner in value.items()}
    return [_clean(inner) for inner in value] if isinstance(value, list | tuple) else value
