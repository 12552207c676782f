"""Says the parameters that a person named for one build alone."""

from collections.abc import Mapping
from functools import reduce

from skill.parameter_slots import name_parameter
from skill.speech import Sentence
from skill.words import say_instance_type, say_limit, say_value


def list_changes(said: Mapping[str, str]) -> Sentence:
    """Return the parameters of one build, as parts of a sentence that are joined with "and"."""
    rest = dict(said)
    kind, count = rest.get("traininstancetype"), rest.get("traininstancecount", "")
    changes = []
    if kind and count.isdecimal():
        changes.append(Sentence("start.change.machines", count=int(count), kind=say_instance_type(kind)))
        rest = {name: value for name, value in rest.items() if not name.startswith("traininstance")}
    changes += [_say_change(name, value) for name, value in rest.items()]
    return reduce(lambda first, second: Sentence("start.change.and", first=first, second=second), changes)


def _say_change(name: str, value: str) -> Sentence:
    match name:
        case "traininstancecount":
            return Sentence("start.change.instances", count=int(value))
        case "traininstancetype":
            return Sentence("start.change.type", kind=say_instance_type(value))
        case "trainvolumesize":
            return Sentence("start.change.disk", count=int(value))
        case "trainmaxrun":
            return Sentence("start.change.time", span=say_limit(float(value) * 3600))
        case "maxtrainingjobs":
            return Sentence("start.change.trials", count=int(value))
        case "hostinstancecount":
            return Sentence("start.change.hosts", count=int(value))
        case "hostinstancetype":
            return Sentence("start.change.host", kind=say_instance_type(value))
    return Sentence("start.change", parameter=name_parameter(name), value=say_value(value))
