"""Generates interactionModels/ from the skill's intents and languages: `make models`.

custom/<language>.json is the model that Alexa gets for each locale of the language; `make skill` writes the copies.
builtIn/<language>.json lists these locales, and holds the words that Alexa knows for her built-in intents and numbers,
with which `sagebuild say` stands in for her. In a sample, "(a|the|)" stands for one of its alternatives.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from skill.bare_answers import ELICITED, Elicited
from skill.intents import INTENTS
from skill.speech import LANGUAGES

MODELS = Path(__file__).parents[1] / "interactionModels"
SLOT_TYPES = LANGUAGES.parent / "slot_types.json"
# What `sagebuild say` knows of Alexa's own words: "carriers" are those between the invocation name and a request.
_SPOKEN = ("locales", "carriers", "builtIn", "numbers")
_INNERMOST = re.compile(r"\(([^()]*)\)")


def read_language(language: str) -> dict[str, Any]:
    """Read what people say and hear in a language."""
    return _read(LANGUAGES / f"{language}.json")


def list_languages() -> list[str]:
    """List the languages of the skill."""
    return sorted(path.stem for path in LANGUAGES.glob("*.json"))


def expand(sample: str) -> Iterator[str]:
    """Yield every sentence that a sample stands for."""
    choice = _INNERMOST.search(sample)
    if choice is None:
        yield " ".join(sample.split())
        return
    for alternative in choice[1].split("|"):
        yield from expand(f"{sample[: choice.start()]}{alternative}{sample[choice.end() :]}")


def build_model(language: str) -> dict[str, Any]:
    """Build the interaction model of a language, which all its locales share."""
    spoken = read_language(language)
    intents = [
        {
            "name": name,
            "slots": [_build_slot(Elicited(name, slot), kind) for slot, kind in intent.slots.items()],
            "samples": list(dict.fromkeys(one for sample in spoken["samples"].get(name, []) for one in expand(sample))),
        }
        for name, intent in INTENTS.items()
    ]
    types = [
        {"name": name, "values": [_build_value(key, names) for key, names in values.items()]}
        for name, values in (_read(SLOT_TYPES) | spoken["types"]).items()
    ]
    model = {"invocationName": spoken["invocationName"], "intents": intents, "types": types}
    return {"interactionModel": {"languageModel": model, "dialog": _build_dialog()}}


def write_models() -> dict[Path, str]:
    """Return the text of every file of interactionModels/."""
    files: dict[Path, Any] = {}
    for language in list_languages():
        spoken = read_language(language)
        files[MODELS / "custom" / f"{language}.json"] = build_model(language)
        files[MODELS / "builtIn" / f"{language}.json"] = {key: spoken[key] for key in _SPOKEN}
    return {path: json.dumps(content, indent=2, ensure_ascii=False) + "\n" for path, content in files.items()}


def _build_slot(place: Elicited, kind: str) -> dict[str, Any]:
    """Build a slot; a slot that the skill asks for also has samples, which count only after its question."""
    samples = {"samples": [f"{{{place.slot}}}"]} if place in ELICITED else {}
    return {"name": place.slot, "type": kind} | samples


def _build_dialog() -> dict[str, Any]:
    """Build the dialog model: without it, Alexa refuses Dialog.ElicitSlot, with which the skill asks for a slot.

    The skill speaks all prompts.
    https://developer.amazon.com/docs/custom-skills/define-the-dialog-to-collect-and-confirm-required-information.html
    """
    unasked: dict[str, Any] = {"confirmationRequired": False, "prompts": {}}
    elicited = {place.intent for place in ELICITED}
    intents = [
        {
            "name": name,
            **unasked,
            "slots": [
                {"name": slot, "type": kind, "elicitationRequired": False, **unasked}
                for slot, kind in intent.slots.items()
            ],
        }
        for name, intent in INTENTS.items()
        if name in elicited or (intent.slots and not intent.settles)
    ]
    return {"intents": intents, "delegationStrategy": "SKILL_RESPONSE"}


def _build_value(key: str, names: list[str]) -> dict[str, Any]:
    return {"id": key, "name": {"value": names[0], **({"synonyms": names[1:]} if names[1:] else {})}}


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


if __name__ == "__main__":
    for path, text in write_models().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
