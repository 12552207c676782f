"""Speaks to the deployed skill without a device: resolves an utterance by the interaction model, and sends it."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sagebuild.errors import SagebuildError
from sagebuild.service import Service, aws_call

# A wheel carries the models inside of the package, a clone beside it.
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
    """The stack's skill is not there, has no id yet, or failed."""


@dataclass(frozen=True)
class Resolved:
    """What Alexa would take an utterance for: an intent, or LaunchRequest; and the value of each slot."""

    intent: str
    slots: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What a person hears and sees.

    Parameters
    ----------
    resolved
        What the utterance was taken for.
    speech
        Without its markup.
    card
        Title and text for the Alexa app; empty if there is none.
    session
        For the next `say` of the same conversation; None once it is over.
    """

    resolved: Resolved
    speech: str
    card: str
    session: dict[str, Any] | None


def say(service: Service, utterance: str, locale: str = "en-US", session: dict[str, Any] | None = None) -> Answer:
    """Send what a person says to the stack's skill, local or in the cloud.

    Parameters
    ----------
    utterance
        "start a build", with or without "Alexa, ask sage build to" before it; the name alone opens the skill.
    session
        What the last answer gave, to go on with its conversation.

    Raises
    ------
    UnknownLocaleError
        There is no such locale.
    SkillUnreachableError
        The stack has no skill, or no skill id was given when it was deployed.
    """
    resolved = resolve(utterance, locale)
    function = f"{service.stack_name}-alexaSkill"
    envelope = _build_envelope(_read_skill_id(service, function), resolved, locale, session)
    with aws_call("ask the skill"):
        answer = service.functions.invoke(FunctionName=function, Payload=json.dumps(envelope))
        response = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise SkillUnreachableError(f"The function {function} failed: {response.get('errorMessage', response)}")
    return _read_answer(resolved, response, envelope["session"])


def resolve(utterance: str, locale: str) -> Resolved:
    """What Alexa would take an utterance for, by the samples of the locale's interaction model."""
    patterns, invocation_name = _load_patterns(locale)
    said = _clean(utterance)
    # Japanese writes no spaces.
    if called := re.search(re.escape(invocation_name).replace(r"\ ", " ?"), said):
        said = said[called.end() :].strip()
        if not said:
            return Resolved(LAUNCH, {})
    # "ask sage build TO start a build": the model's samples begin behind that word, or in Japanese that character.
    candidates = (said, said.partition(" ")[2], said[1:])
    found = (resolved for candidate in candidates if (resolved := _match(candidate, patterns)))
    return next(found, Resolved("AMAZON.FallbackIntent", {}))


@dataclass(frozen=True)
class _Pattern:
    intent: str
    expression: re.Pattern[str]
    literal_length: int
    ids: dict[str, dict[str, str]]


def _match(said: str, patterns: tuple[_Pattern, ...]) -> Resolved | None:
    """The sample that has the most words of its own in common with what was said."""
    found = [(pattern, match) for pattern in patterns if (match := pattern.expression.fullmatch(said))]
    if not found:
        return None
    pattern, match = max(found, key=lambda one: one[0].literal_length)
    slots = {name: pattern.ids.get(name, {}).get(value, value) for name, value in match.groupdict().items()}
    return Resolved(pattern.intent, slots)


@cache
def _load_patterns(locale: str) -> tuple[tuple[_Pattern, ...], str]:
    paths = {path.stem: path for path in (MODELS / "custom").glob("*.json")}
    if locale not in paths:
        raise UnknownLocaleError(f"The skill does not speak {locale!r}; it speaks {', '.join(sorted(paths))}.")
    model = json.loads(paths[locale].read_text(encoding="utf-8"))["interactionModel"]["languageModel"]
    spoken = json.loads((MODELS / "builtIn" / f"{locale.partition('-')[0]}.json").read_text(encoding="utf-8"))
    built_in = ({"name": name, "slots": [], "samples": said} for name, said in spoken["builtIn"].items())
    values = {kind["name"]: _name_values(kind) for kind in model["types"]}
    values["AMAZON.NUMBER"] = {word: number for number, words in spoken["numbers"].items() for word in words}
    patterns = [pattern for intent in (*model["intents"], *built_in) for pattern in _build_patterns(intent, values)]
    return tuple(patterns), model["invocationName"]


def _build_patterns(intent: dict[str, Any], values: dict[str, dict[str, str]]) -> Iterator[_Pattern]:
    kinds = {slot["name"]: slot["type"] for slot in intent["slots"]}
    ids = {slot: values[kind] for slot, kind in kinds.items() if kind in values}

    def write_slot(match: re.Match[str]) -> str:
        slot = match[1]
        choices = sorted(map(re.escape, ids.get(slot, ())), key=len, reverse=True)
        built_in = [_BUILT_IN_SLOTS[kinds[slot]]] if kinds[slot] in _BUILT_IN_SLOTS else []
        return f"(?P<{slot}>{'|'.join(choices + built_in)})"

    for sample in intent["samples"]:
        words = _clean(sample)
        yield _Pattern(intent["name"], re.compile(_SLOT.sub(write_slot, words)), len(_SLOT.sub("", words)), ids)


def _name_values(kind: dict[str, Any]) -> dict[str, str]:
    """Every word for a value of a slot type, and the value's id."""
    return {
        _clean(word): value["id"]
        for value in kind["values"]
        for word in (value["name"]["value"], *value["name"].get("synonyms", []))
    }


def _clean(said: str) -> str:
    """Words as the models write them: in lower case, without punctuation."""
    return " ".join(re.sub(r"[^\w\s'{}-]", " ", said).casefold().split())


def _read_skill_id(service: Service, function: str) -> str:
    with aws_call("look for the skill"):
        try:
            configuration = service.functions.get_function_configuration(FunctionName=function)
        except service.functions.exceptions.ResourceNotFoundException:
            raise SkillUnreachableError(f"There is no function {function}; deploy the stack first.") from None
    skill_id = configuration.get("Environment", {}).get("Variables", {}).get("SKILL_ID", "")
    if not skill_id:
        raise SkillUnreachableError(
            f"{service.stack_name} was deployed without a skill id, so its skill answers nobody; deploy it with "
            '--param="alexaSkillId=amzn1.ask.skill...." as docs/alexa.md tells.'
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


def _read_answer(resolved: Resolved, response: dict[str, Any], asked: dict[str, Any]) -> Answer:
    body = response["response"]
    ssml, card = body.get("outputSpeech", {}).get("ssml", ""), body.get("card", {})
    session = {"new": False, "sessionId": asked["sessionId"], "attributes": response.get("sessionAttributes") or {}}
    speech = re.sub(r"<[^>]*>", "", ssml)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        speech = speech.replace(entity, character)
    return Answer(
        resolved,
        speech,
        "\n".join(part for part in (card.get("title", ""), card.get("content", "")) if part),
        None if body.get("shouldEndSession", True) else session,
    )
