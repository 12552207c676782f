"""Reads the parameter that a person named, and its value with its unit."""

from __future__ import annotations

from collections.abc import Mapping

from skill.domain import reading
from skill.speech import Quote, Sentence
from skill.words import PARAMETERS

# Slots for numbers with a unit: the parameter that is measured in it, and the unit in the parameter's own one.
UNITS = {
    "gigabytes": ("trainvolumesize", 1.0),
    "hours": ("trainmaxrun", 1.0),
    "minutes": ("trainmaxrun", 1 / 60),
}
MEASURED = frozenset(parameter for parameter, _ in UNITS.values())
VALUES = dict.fromkeys(("number", *UNITS), "AMAZON.NUMBER") | {"instance": "InstanceType"}


def find_parameter(slots: Mapping[str, str]) -> str:
    """Return the parameter of the slots; empty if it is missing or unknown."""
    heard = slots.get("parameter", "")
    if not heard or heard in PARAMETERS:
        return heard
    from sagebuild.voice import spoken_parameters

    with reading() as service:
        return spoken_parameters.find_parameter(service, heard)


def find_unit(slots: Mapping[str, str]) -> str:
    """Return the slot of the unit that was said; empty without one."""
    return next((unit for unit in UNITS if slots.get(unit)), "")


def read_value(name: str, slots: Mapping[str, str]) -> str:
    """Return the value for a parameter, in the parameter's own unit; empty if none was said, or one of a wrong kind."""
    unit = find_unit(slots)
    if not unit:
        number, instance = slots.get("number", ""), slots.get("instance", "")
        if name in PARAMETERS:
            return instance if name.endswith("type") else number
        return instance or number
    parameter, factor = UNITS[unit]
    if parameter != name or not slots[unit].isdecimal():
        return ""
    return slots[unit] if factor == 1 else f"{float(slots[unit]) * factor:.4g}"


def name_parameter(name: str) -> Sentence | Quote:
    """Return the spoken name of a parameter; that of a hyperparameter is the same in every language."""
    return PARAMETERS.get(name) or Quote(name.rpartition(".")[2].replace("_", " ").replace("-", " "))
