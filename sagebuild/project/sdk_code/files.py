"""Writes a converted script as a project: the project file, the source folder, the data, and a workflow for GitHub."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sagebuild.client.files import list_files
from sagebuild.errors import InputError
from sagebuild.project.file import FILE
from sagebuild.project.init import WORKFLOW, read_workflow
from sagebuild.project.sdk_code.conversion import SdkConversion

SOURCE, DATA = "src", "data"
_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
# YAML 1.1, which some editors use, reads these words as booleans or null.
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def write_project(conversion: SdkConversion, folder: Path, script: Path) -> list[str]:
    """Write a project; return the names of its files.

    Raises
    ------
    InputError
        A file would be overwritten, or cannot be written; in the first case, nothing was written.
    """
    texts = {FILE: format_project(conversion, script.name), WORKFLOW: read_workflow()}
    copies = {name: path for path, name in _list_copies(conversion)}
    if existing := [name for name in (*texts, *copies) if (folder / name).exists()]:
        raise InputError(f"{folder} already has {', '.join(existing[:5])}; choose another folder. Nothing was written.")
    try:
        for name in (*texts, *copies):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        for name, path in copies.items():
            shutil.copyfile(path, folder / name)
    except OSError as error:
        raise InputError(f"{error.filename or folder} cannot be written: {error.strerror}.") from None
    return [*texts, *sorted(copies)]


def format_project(conversion: SdkConversion, script: str) -> str:
    """Return the text of the project file; what was not converted is a comment."""
    lines = [f"# Converted from {script}. docs/project.md explains this file."]
    lines += [f"# Not converted: {_flatten(entry.field)}: {_flatten(entry.advice)}" for entry in conversion.unconverted]
    lines += ["parameters:", *_format(conversion.document, 1)]
    if conversion.files:
        lines.append(f"source: {SOURCE}")
    if conversion.data:
        lines.append("data:")
        lines += [f"  {_quote(name)}: {_quote(_name_data(name, path))}" for name, path in conversion.data.items()]
    return "\n".join(lines) + "\n"


def _list_copies(conversion: SdkConversion) -> Iterator[tuple[Path, str]]:
    for name, path in conversion.files.items():
        for file, inner in list_files(path).files:
            yield (
                file,
                "/".join(part for part in (SOURCE, name if path.is_file() else f"{name}/{inner}".strip("/")) if part),
            )
    for channel, path in conversion.data.items():
        for file, inner in list_files(path, empty=False, broken_links=True).files:
            place = _name_data(channel, path)
            yield file, place if path.is_file() else f"{place}/{inner}"


def _name_data(channel: str, path: Path) -> str:
    return f"{DATA}/{channel}/{path.name}" if path.is_file() else f"{DATA}/{channel}"


def _format(value: dict[str, Any], depth: int) -> Iterator[str]:
    """Yield the lines of an object: short values on one line, in the form of JSON."""
    for name, one in value.items():
        text = _quote(one)
        if isinstance(one, dict) and one and len(text) > 80:
            yield f"{'  ' * depth}{_quote(name)}:"
            yield from _format(one, depth + 1)
        elif isinstance(one, list) and len(text) > 80:
            yield f"{'  ' * depth}{_quote(name)}:"
            yield from (f"{'  ' * depth}  - {_quote(each)}" for each in one)
        else:
            yield f"{'  ' * depth}{_quote(name)}: {text}"


def _quote(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if isinstance(value, dict) and value:
        return "{" + ", ".join(f"{_quote(str(name))}: {_quote(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_quote, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _flatten(text: str) -> str:
    return " ".join(text.split())
