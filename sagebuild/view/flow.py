"""The flow picture of a build: its steps in a column for each phase, as HTML for notebooks, the page and documents.

It is a list, not a drawing: it wraps in a narrow window, and screen readers read it in order. The colours are
variables, which the page sets for its light and its dark theme.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from sagebuild.view.html import Html, colour

# The first step of each phase after the first one, in the order of the state machine.
_PHASES = (
    ("Prepare", ""),
    ("Train", "Take Earlier Model"),
    ("Judge", "Evaluate Model"),
    ("Deploy", "Verify Scoring Model"),
    ("Check", "Check Endpoint"),
)
ROW = 34  # pixels from one step to the next, unless its name needs two lines
_MARKS = {"done": "✓", "failed": "✕", "stopped": "■", "running": "●"}
_LIST = "list-style:none;margin:0;padding:0"


class Node(NamedTuple):
    """One step of the picture: its name, its status (which gives the colour) and the text beside its name."""

    name: str
    status: str
    caption: str

    @property
    def has_begun(self) -> bool:
        """Whether the build took the way through this step."""
        return self.status in _MARKS


def render_flow(nodes: Sequence[Node], names: Iterable[str]) -> Html:
    """Render the picture.

    Parameters
    ----------
    nodes
        The steps to show, in the order of the state machine.
    names
        The names of all steps of the state machine, in their order, which give each step its phase.
    """
    phases = assign_phases(names)
    columns = []
    for phase, _ in _PHASES:
        if own := [node for node in nodes if phases[node.name] == phase]:
            columns.append(_render_phase(phase, own))
    style = f"{_LIST};display:flex;flex-wrap:wrap;gap:8px 22px;font:13px/1.3 system-ui,sans-serif"
    return Html(f"<ol class='sb-flow' style='{style}'>{''.join(columns)}</ol>")


def assign_phases(names: Iterable[str]) -> dict[str, str]:
    """Return the phase of each step: prepare, train, judge, deploy or check."""
    begins = {first: phase for phase, first in _PHASES}
    phase, phases = _PHASES[0][0], {}
    for name in names:
        phase = begins.get(name, phase)
        phases[name] = phase
    return phases


def _render_phase(phase: str, nodes: Sequence[Node]) -> str:
    steps = "".join(_render_node(node, is_last=node is nodes[-1]) for node in nodes)
    begun = any(node.has_begun for node in nodes)
    weight = "600" if begun else "400"
    title = f"<div style='font-weight:{weight};padding:0 0 6px;color:{colour('')}'>{phase}</div>"
    return f"<li style='flex:1 1 150px;min-width:150px;max-width:230px'>{title}<ol style='{_LIST}'>{steps}</ol></li>"


def _render_node(node: Node, is_last: bool) -> str:
    own = colour(node.status)
    line = "" if is_last else f"<span style='{_place(7, 18)};bottom:-2px;width:2px;background:{_line(node)}'></span>"
    filled = f"background:{own};color:var(--sb-on,white)" if node.has_begun else f"border:2px dashed {colour('line')}"
    dot = (
        f"<span aria-hidden='true' style='{_place(0, 2)};height:16px;width:16px;box-sizing:border-box;"
        f"border-radius:8px;text-align:center;font-size:10px;line-height:16px;{filled}'>"
        f"{_MARKS.get(node.status, '')}</span>"
    )
    weight = "600" if node.status in ("running", "failed") else "400"
    name_colour = colour("text" if node.has_begun else "")
    text = (
        f"<span style='color:{name_colour};font-weight:{weight}'>{escape(node.name)}</span>"
        f"<br/><span style='color:{own};font-size:11px'>{escape(node.caption)}</span>"
    )
    style = f"position:relative;padding:0 0 3px 24px;min-height:{ROW - 3}px;line-height:1.2"
    return f"<li style='{style}'>{line}{dot}{text}</li>"


def _place(left: int, top: int) -> str:
    return f"position:absolute;left:{left}px;top:{top}px"


def _line(node: Node) -> str:
    return colour("done") if node.status == "done" else colour("line")
