"""Writes interactionModels/custom/<locale>.json from one base for each language: `make models`.

A base holds what people say; intents.json, what is the same in every language. In a sample, "(a|the|)" stands for one
of its alternatives.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MODELS = Path(__file__).parents[1] / "interactionModels"
_INNERMOST = re.compile(r"\(([^()]*)\)")


def read_base(language: str) -> dict[str, Any]:
    """What people say in a language."""
    return _read(MODELS / "base" / f"{language}.json")


def list_languages() -> list[str]:
    """The languages that have a base."""
    return sorted(path.stem for path in (MODELS / "base").glob("*.json") if path.stem != "intents")


def expand(sample: str) -> Iterator[str]:
    """Every sentence that a sample stands for."""
    choice = _INNERMOST.search(sample)
    if choice is None:
        yield " ".join(sample.split())
        return
    for alternative in choice[1].split("|"):
        yield from expand(f"{sample[: choice.start()]}{alternative}{sample[choice.end() :]}")


def build_model(language: str) -> dict[str, Any]:
    """The interaction model of a language, which is that of each of its locales."""
    common, base = _read(MODELS / "base" / "intents.json"), read_base(language)
    intents = [
        {
            "name": name,
            **({"slots": [{"name": slot, "type": kind} for slot, kind in slots.items()]}),
            "samples": [one for sample in base["samples"].get(name, []) for one in expand(sample)],
        }
        for name, slots in common["intents"].items()
    ]
    types = [
        {"name": name, "values": [_build_value(key, names) for key, names in values.items()]}
        for name, values in (common["types"] | base["types"]).items()
    ]
    model = {"invocationName": base["invocationName"], "intents": intents, "types": types}
    return {"interactionModel": {"languageModel": model}}


def write_models() -> dict[Path, str]:
    """The text of every locale's model."""
    return {
        MODELS / "custom" / f"{locale}.json": json.dumps(build_model(language), indent=2, ensure_ascii=False) + "\n"
        for language in list_languages()
        for locale in read_base(language)["locales"]
    }


def _build_value(key: str, names: list[str]) -> dict[str, Any]:
    return {"id": key, "name": {"value": names[0], **({"synonyms": names[1:]} if names[1:] else {})}}


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


if __name__ == "__main__":
    for path, text in write_models().items():
        path.write_text(text, encoding="utf-8")
