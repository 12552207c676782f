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
    """Return the value for a parameter, in the parameter's own unit; empty if none was said, or one in a wrong unit."""
    unit = find_unit(slots)
    if not unit:
        return slots.get("instance") or slots.get("number", "")
    parameter, factor = UNITS[unit]
    return f"{float(slots[unit]) * factor:.4g}" if parameter == name and slots[unit].isdecimal() else ""


def name_parameter(name: str) -> Sentence | Quote:
    """Return the spoken name of a parameter; that of a hyperparameter is the same in every language."""
    return PARAMETERS.get(name) or Quote(name.rpartition(".")[2].replace("_", " ").replace("-", " "))
