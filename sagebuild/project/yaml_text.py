"""Parses YAML into JSON values, and remembers the line of each value.

It reads the values of YAML 1.2's core schema, so that `no` and `012345` stay text. Tags, anchors and repeated names are
refused: https://yaml.org/spec/1.2.2/#103-core-schema
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_PLAIN = (
    ("null", re.compile(r"~|null|Null|NULL|"), [*"~nN", ""]),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF")),
    # A number with a leading zero, such as an account, stays text.
    ("int", re.compile(r"[-+]?(0|[1-9][0-9]*)"), list("-+0123456789")),
    (
        "float",
        re.compile(r"[-+]?(\.[0-9]+([eE][-+]?[0-9]+)?|[0-9]+(\.[0-9]*([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+))"),
        list("-+.0123456789"),
    ),
)
LARGEST_BYTES = 256 * 1024
_LONGEST_NUMBER = 20  # characters of a whole number of 64 bits, with its sign


class YamlError(Exception):
    """The text is not usable YAML; the message is a sentence, ``line`` its line or 0."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Document:
    """A parsed text.

    Parameters
    ----------
    value
        The content as JSON values.
    lines
        The line, from 1, of each value by its path.
    """

    value: Any
    lines: Mapping[Path, int] = field(default_factory=dict)

    def find_line(self, path: Path) -> int:
        """Return the line of a value, or of the nearest object or list around it; 1 if there is none."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _Loader(yaml.SafeLoader):
    """SafeLoader without anchors, and with YAML 1.2's rules for plain values."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise YamlError("anchors and aliases are not supported; write the value twice", _line_of(event.start_mark))
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {}
for _name, _pattern, _first in _PLAIN:
    _Loader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(f"^(?:{_pattern.pattern})$"), _first)


def parse_yaml(text: str) -> Document:
    """Parse a text; JSON is YAML, too.

    Raises
    ------
    YamlError
        It is no YAML, or uses a part of YAML that is refused.
    """
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST_BYTES:
        raise YamlError(f"the file has more than {LARGEST_BYTES // 1024} KB")
    lines: dict[Path, int] = {}
    try:
        node = yaml.compose(text, Loader=_Loader)
        return Document(None if node is None else _read(node, (), lines), lines)
    except yaml.MarkedYAMLError as error:
        message = ", ".join(filter(None, (error.context, error.problem)))
        raise YamlError(message, _line_of(error.problem_mark)) from None
    except yaml.YAMLError as error:
        raise YamlError(str(error).partition("\n")[0]) from None
    except RecursionError:
        raise YamlError("the values are nested too deeply") from None


def _read(node: yaml.Node, path: Path, lines: dict[Path, int]) -> Any:
    lines[path] = _line_of(node.start_mark)
    if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
        return dict(_read_pairs(node, path, lines))
    if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
        return [_read(inner, (*path, place), lines) for place, inner in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode):
        return _read_scalar(node)
    raise YamlError(f"the tag {node.tag} is not supported", lines[path])


def _read_pairs(node: yaml.MappingNode, path: Path, lines: dict[Path, int]) -> list[tuple[str, Any]]:
    pairs: dict[str, Any] = {}
    for key, value in node.value:
        line = _line_of(key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            raise YamlError("a name must be text", line)
        name = _read_text(key)
        if name in pairs:
            raise YamlError(f"the name '{name}' appears twice", line)
        pairs[name] = _read(value, (*path, name), lines)
        lines[(*path, name)] = line  # the line of the name, if the value begins below it
    return list(pairs.items())


def _read_scalar(node: yaml.ScalarNode) -> Any:
    text = _read_text(node)
    match node.tag.removeprefix(_TAG):
        case "int" if len(text) > _LONGEST_NUMBER:
            raise YamlError("a whole number of more than 64 bits is not supported", _line_of(node.start_mark))
        case "str":
            return text
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text)
        case "float":
            return float(text)
    raise YamlError(f"the tag {node.tag} is not supported", _line_of(node.start_mark))


def _read_text(node: yaml.ScalarNode) -> str:
    text: str = node.value
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise YamlError("an unpaired surrogate is not valid text", _line_of(node.start_mark))
    return text


def _line_of(mark: Any) -> int:
    return mark.line + 1 if mark else 0
