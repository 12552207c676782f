"""Sends utterances to the deployed Alexa skill without a device, resolved by the skill's interaction model."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from sagebuild.errors import SagebuildError
from sagebuild.service import Service, aws_call

# A wheel has the models inside the package, a clone beside it.
_HERE = Path(__file__).parent
MODELS = next(
    folder for folder in (_HERE / "interactionModels", _HERE.parents[1] / "interactionModels") if folder.is_dir()
)
LAUNCH = "LaunchRequest"

_SLOT = re.compile(r"\{(\w+)\}")
_BUILT_IN_SLOTS = {"AMAZON.NUMBER": r"\d+", "AMAZON.FOUR_DIGIT_NUMBER": r"\d{4}", "AMAZON.SearchQuery": r"\S.*"}


class UnknownLocaleError(SagebuildError):
    """The skill has no interaction model for the locale."""


class SkillUnreachableError(SagebuildError):
    """The stack's skill does not exist, has no skill id, or failed."""


@dataclass(frozen=True)
class Resolved:
    """An utterance as Alexa would resolve it: an intent or LaunchRequest, and the value of each slot."""

    intent: str
    slots: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """The skill's response.

    Parameters
    ----------
    resolved
        The utterance as it was resolved.
    speech
        What Alexa says, without markup.
    card
        Title and text for the Alexa app; empty if there is none.
    session
        For the next `say` of the same conversation; None when the conversation is over.
    """

    resolved: Resolved
    speech: str
    card: str
    session: dict[str, Any] | None


def say(service: Service, utterance: str, locale: str = "en-US", session: dict[str, Any] | None = None) -> Answer:
    """Send an utterance to the stack's skill, on AWS or in local/.

    Parameters
    ----------
    utterance
        "start a build", with or without "Alexa, ask sage build to" before it; the name alone opens the skill.
    session
        The last answer's session, to continue its conversation; default: a new conversation.

    Raises
    ------
    UnknownLocaleError
        The skill does not support the locale.
    SkillUnreachableError
        The stack has no skill, was deployed without a skill id, or its skill failed.
    """
    resolved = resolve(utterance, locale)
    function = f"{service.stack_name}-alexaSkill"
    envelope = _build_envelope(_read_skill_id(service, function), resolved, locale, session)
    with aws_call("invoke the skill"):
        answer = service.functions.invoke(FunctionName=function, Payload=json.dumps(envelope))
        response = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise SkillUnreachableError(f"The function {function} failed: {response.get('errorMessage', response)}")
    return _read_answer(resolved, response, envelope["session"])


def resolve(utterance: str, locale: str) -> Resolved:
    """Resolve an utterance by the sample utterances of the locale's interaction model, as Alexa would."""
    patterns, invocation_name = _load_patterns(locale)
    words = _normalize(utterance)
    # Japanese writes no spaces.
    if invocation := re.search(re.escape(invocation_name).replace(r"\ ", " ?"), words):
        words = words[invocation.end() :].strip()
        if not words:
            return Resolved(LAUNCH, {})
    # "ask sage build TO start a build": the samples begin after this word, or in Japanese after one character.
    candidates = (words, words.partition(" ")[2], words[1:])
    found = (resolved for candidate in candidates if (resolved := _match(candidate, patterns)))
    return next(found, Resolved("AMAZON.FallbackIntent", {}))


@dataclass(frozen=True)
class _Pattern:
    """A sample of an intent; `begin` is its words before the first slot."""

    intent: str
    begin: str
    expression: str
    literal_length: int
    ids: dict[str, dict[str, str]]

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        # A model has a thousand samples; compiling all of them takes half a second.
        return re.compile(self.expression)


def _match(words: str, patterns: dict[str, list[_Pattern]]) -> Resolved | None:
    """Return the match of the sample with the most literal characters; None if no sample matches."""
    possible = [pattern for length in range(len(words) + 1) for pattern in patterns.get(words[:length], ())]
    found = [(pattern, match) for pattern in possible if (match := pattern.compiled.fullmatch(words))]
    if not found:
        return None
    pattern, match = max(found, key=lambda one: one[0].literal_length)
    slots = {name: pattern.ids.get(name, {}).get(value, value) for name, value in match.groupdict().items()}
    return Resolved(pattern.intent, slots)


@cache
def _load_patterns(locale: str) -> tuple[dict[str, list[_Pattern]], str]:
    """Return the samples of a locale by their literal beginning, and the skill's invocation name."""
    paths = {path.stem: path for path in (MODELS / "custom").glob("*.json")}
    if locale not in paths:
        raise UnknownLocaleError(
            f"The skill does not support the locale {locale!r}; use one of {', '.join(sorted(paths))}."
        )
    model = json.loads(paths[locale].read_text(encoding="utf-8"))["interactionModel"]["languageModel"]
    spoken = json.loads((MODELS / "builtIn" / f"{locale.partition('-')[0]}.json").read_text(encoding="utf-8"))
    built_in = ({"name": name, "slots": [], "samples": samples} for name, samples in spoken["builtIn"].items())
    values = {kind["name"]: _name_values(kind) for kind in model["types"]}
    values["AMAZON.NUMBER"] = {word: number for number, words in spoken["numbers"].items() for word in words}
    patterns: dict[str, list[_Pattern]] = {}
    for intent in (*model["intents"], *built_in):
        for pattern in _build_patterns(intent, values):
            patterns.setdefault(pattern.begin, []).append(pattern)
    return patterns, model["invocationName"]


def _build_patterns(intent: dict[str, Any], values: dict[str, dict[str, str]]) -> Iterator[_Pattern]:
    kinds = {slot["name"]: slot["type"] for slot in intent["slots"]}
    ids = {slot: values[kind] for slot, kind in kinds.items() if kind in values}

    def write_slot(match: re.Match[str]) -> str:
        slot = match[1]
        choices = sorted(map(re.escape, ids.get(slot, ())), key=len, reverse=True)
        built_in = [_BUILT_IN_SLOTS[kinds[slot]]] if kinds[slot] in _BUILT_IN_SLOTS else []
        return f"(?P<{slot}>{'|'.join(choices + built_in)})"

    for sample in intent["samples"]:
        words = _normalize(sample)
        begin, length = words.partition("{")[0], len(_SLOT.sub("", words))
        yield _Pattern(intent["name"], begin, _SLOT.sub(write_slot, words), length, ids)


def _name_values(kind: dict[str, Any]) -> dict[str, str]:
    """Return the value's id for every name and synonym of a slot type's values."""
    return {
        _normalize(word): value["id"]
        for value in kind["values"]
        for word in (value["name"]["value"], *value["name"].get("synonyms", []))
    }


def _normalize(text: str) -> str:
    """Return the words in lower case and without punctuation, as the models write them."""
    return " ".join(re.sub(r"[^\w\s'{}-]", " ", text).casefold().split())


def _read_skill_id(service: Service, function: str) -> str:
    with aws_call("find the skill"):
        try:
            configuration = service.functions.get_function_configuration(FunctionName=function)
        except service.functions.exceptions.ResourceNotFoundException:
            raise SkillUnreachableError(f"There is no function {function}; deploy the stack first.") from None
    skill_id = configuration.get("Environment", {}).get("Variables", {}).get("SKILL_ID", "")
    if not skill_id:
        raise SkillUnreachableError(
            f"{service.stack_name} was deployed without a skill id, so its skill answers no request; deploy it with "
            '--param="alexaSkillId=amzn1.ask.skill...." (docs/alexa.md).'
        )
    return str(skill_id)


def _build_envelope(skill_id: str, resolved: Resolved, locale: str, session: dict[str, Any] | None) -> dict[str, Any]:
    application, user = {"applicationId": skill_id}, {"userId": "amzn1.ask.account.COMMANDLINE"}
    request: dict[str, Any] = {
        "type": LAUNCH if resolved.intent == LAUNCH else "IntentRequest",
        "requestId": f"amzn1.echo-api.request.{uuid.uuid4()}",
        "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "locale": locale,
    }
    if resolved.intent != LAUNCH:
        slots = {
            name: {"name": name, "value": value, "confirmationStatus": "NONE"} for name, value in resolved.slots.items()
        }
        request["intent"] = {"name": resolved.intent, "confirmationStatus": "NONE", "slots": slots}
    first = {"new": True, "sessionId": f"amzn1.echo-api.session.{uuid.uuid4()}", "attributes": {}}
    device = {"deviceId": "amzn1.ask.device.COMMANDLINE", "supportedInterfaces": {}}
    return {
        "version": "1.0",
        "session": {"application": application, "user": user} | (session or first),
        "context": {"System": {"application": application, "user": user, "device": device}},
        "request": request,
    }


def _read_answer(resolved: Resolved, response: dict[str, Any], sent: dict[str, Any]) -> Answer:
    body = response["response"]
    ssml, card = body.get("outputSpeech", {}).get("ssml", ""), body.get("card", {})
    session = {"new": False, "sessionId": sent["sessionId"], "attributes": response.get("sessionAttributes") or {}}
    speech = re.sub(r"<[^>]*>", "", ssml)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        speech = speech.replace(entity, character)
    return Answer(
        resolved,
        speech,
        "\n".join(part for part in (card.get("title", ""), card.get("content", "")) if part),
        None if body.get("shouldEndSession", True) else session,
    )
