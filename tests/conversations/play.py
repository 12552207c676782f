"""Plays a conversation: the same situation, in one way of changing something."""

import json
from pathlib import Path
from typing import Any

from tests.conversations.ways import Way, Wish
from tests.conversations.world import World

Situation = dict[str, Any]

SITUATIONS: list[Situation] = json.loads((Path(__file__).parent / "situations.json").read_text(encoding="utf-8"))


def play(situation: Situation, way: Way, world: World) -> None:
    """Begin with what is given, speak, and compare the replies and the effects with those that are expected."""
    for event in situation["given"]:
        world.happen(event)
    for step in situation["talk"]:
        _take(step, way, world)


def _take(step: dict[str, Any], way: Way, world: World) -> None:
    if "meanwhile" in step:
        world.happen(step["meanwhile"])
        return
    if "then" in step:
        for what, expected in step["then"].items():
            _compare(what, world.read(what), expected)
        return
    reply = way.ask(_read_wish(step)) if "ask" in step else way.answer(step["answer"])
    assert reply.has_changed(way.name) is step.get("changed", False), reply
    if hears := _choose(step.get("hears", ""), way):
        assert reply.text.startswith(hears), reply
    assert (refused := _choose(step.get("refused", ""), way)) in reply.text, reply
    if "ask" in step:
        assert reply.refused is bool(refused), reply


def _read_wish(step: dict[str, Any]) -> Wish:
    return Wish(step["ask"], step.get("number"), step.get("parameters", {}))


def _choose(said: str | dict[str, str], way: Way) -> str:
    return said if isinstance(said, str) else said[way.name]


def _compare(what: str, value: Any, expected: Any) -> None:
    if isinstance(expected, dict) and what == "document":
        value = {name: value.get(name) for name in expected}
    assert value == expected, f"{what} is {value}"
