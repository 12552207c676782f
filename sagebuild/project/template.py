"""Reads the CloudFormation template with a project's own resources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sagebuild.project.file import Definition, Problem

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
LARGEST_BYTES = 51_200


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads a short form of CloudFormation's functions, such as !Sub, as its argument.

    CloudFormation refuses aliases: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError(f"CloudFormation does not support aliases, such as *{event.anchor}")
        return super().compose_node(parent, index)


def _construct_function(loader: _Loader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_Loader.add_multi_constructor("!", _construct_function)


def read_template(path: Path) -> tuple[str, dict[str, Any]]:
    """Return a template as text, and as values.

    Raises
    ------
    ValueError
        The file is no template; the message completes the sentence "resources is FILE, which ...".
    """
    try:
        text = path.read_text(encoding="utf-8")
        template = yaml.load(text, _Loader)  # a SafeLoader  # nosec B506
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise ValueError("is no CloudFormation template: it has no object Resources")
    if len(text.encode()) > LARGEST_BYTES:
        raise ValueError(f"has {len(text.encode())} bytes; CloudFormation accepts {LARGEST_BYTES}")
    return text, template


def find_template_problem(definition: Definition) -> Problem | None:
    """Return the problem of the project's template; None for a usable one, and without one."""
    name = definition.content.resources
    if name:
        try:
            read_template(definition.folder / name)
        except ValueError as error:
            return Problem(f"resources is {name}, which {error}.", definition.find_line("resources"))
    return None
