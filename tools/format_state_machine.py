"""Lays out statemachine.asl.json: ``make format``. One Catcher or Choice rule takes one line, one Retrier a few."""

import json
from pathlib import Path
from textwrap import fill
from typing import Any

FILE = Path(__file__).parent.parent / "statemachine.asl.json"
WIDTH = 120  # columns; JSON cannot break a string, so a long one exceeds it


def lay_out(text: str) -> str:
    """Return the same JSON in the layout that the repository keeps."""
    return _render(json.loads(text), "", 0, "") + "\n"


def _render(value: Any, margin: str, column: int, key: str) -> str:
    """Render a value that starts at a column; its further lines start at the margin."""
    line, inner = _render_on_one_line(value), margin + "  "
    if not isinstance(value, dict | list) or (not _must_break(value, key) and column + len(line) < WIDTH):
        return line
    if key == "Retry":
        return f"[{', '.join(_render_retrier(retrier, margin) for retrier in value)}]"
    if isinstance(value, dict):
        names = [(part, f'{inner}"{name}": ', name) for name, part in value.items()]
        parts = [start + _render(part, inner, len(start), name) for part, start, name in names]
    else:
        parts = [inner + _render(part, inner, len(inner), "") for part in value]
    first, last = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return "\n".join([first, ",\n".join(parts), margin + last])


def _render_on_one_line(value: Any) -> str:
    if isinstance(value, dict) and value:
        return "{ " + ", ".join(f'"{name}": {_render_on_one_line(part)}' for name, part in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(_render_on_one_line(part) for part in value)}]"
    return json.dumps(value, ensure_ascii=False)


def _render_retrier(retrier: dict[str, Any], margin: str) -> str:
    """Render the names of the errors on a few lines, and on one more how to wait."""
    names = f'  "ErrorEquals": {_render_on_one_line(retrier["ErrorEquals"])},'
    names = fill(names, WIDTH, initial_indent=margin, subsequent_indent=margin + "    ", break_on_hyphens=False)
    waits = _render_on_one_line({name: value for name, value in retrier.items() if name != "ErrorEquals"})
    return f"{{\n{names}\n{margin}  {waits[2:-2]}\n{margin}}}"


def _must_break(value: Any, key: str) -> bool:
    """Return True for a state, the States and a list of rules; False for a value that may be on one line."""
    return key in ("States", "Choices", "Retry", "Catch") or (isinstance(value, dict) and "Type" in value)


if __name__ == "__main__":
    FILE.write_text(lay_out(FILE.read_text(encoding="utf-8")), encoding="utf-8")
