"""The command line's output: characters for each encoding, and no cursor movement outside a terminal."""

import io
import re

import pytest
from rich.text import Text

from sagebuild.builds.records import BuildRecord, Trigger
from sagebuild.cli.console import can_redraw, make_console
from sagebuild.cli.live import BuildView
from sagebuild.cli.show import show_builds, show_curves, show_steps
from sagebuild.client.metrics import Curves
from sagebuild.client.progress import Snapshot
from sagebuild.client.trials import Trials
from sagebuild.service import Service
from sagebuild.view.steps import Step, Steps

SERVICE = Service({"STACK_NAME": "sagebuild-dev"}, lambda _name: None)
STEPS = Steps((Step("Plan Build", "done", 1.5, 1), Step("Train Model", "running", 2, 1), Step("Update", "possible")))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("encoding", "drawn"),
    [
        ("utf-8", "●  Plan Build|◐  Train Model|○  Update|loss  ▁█|é …"),
        ("cp1252", "*  Plan Build|>  Train Model|o  Update|loss  _#|é …"),
        ("ascii", "*  Plan Build|>  Train Model|o  Update|loss  _#|? ~"),
    ],
)
def test_characters_that_the_encoding_lacks_are_replaced(encoding: str, drawn: str) -> None:
    raw = io.BytesIO()
    console = make_console(io.TextIOWrapper(raw, encoding=encoding, write_through=True))
    console.print(show_steps(STEPS))
    console.print(show_curves(Curves({"loss": [0.0, 1.0]})))
    console.print(Text("é …"))
    lines = raw.getvalue().decode(encoding).splitlines()
    assert [re.split(r" +\d| +if| +$", line)[0] for line in lines] == drawn.split("|")


def test_only_a_terminal_is_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert can_redraw(Terminal())
    assert not can_redraw(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not can_redraw(Terminal())


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_view_fits_a_narrow_terminal(width: int) -> None:
    output = Terminal()
    console = make_console(output)
    console.width = width
    record = BuildRecord(4, Trigger("command"), "2026-01-02T03:04:05+00:00", status="running")
    console.print(BuildView(SERVICE, console, is_live=True).draw(Snapshot(record, STEPS, Trials(), Curves({}))))
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.getvalue()).splitlines()
    assert max(map(len, lines)) <= width
    assert "Train Model" in " ".join(lines)
    assert "if needed" in " ".join(lines)


def test_the_list_of_builds_shows_reasons_in_a_narrow_terminal() -> None:
    output = Terminal()
    console = make_console(output)
    console.width = 40
    reason = "The training failed: ValueError: the learning rate makes no sense"
    began, ended = "2026-01-02T03:04:05+00:00", "2026-01-02T03:05:05+00:00"
    failed = BuildRecord(4, Trigger("command"), began, status="failed", ended_at=ended, reason=reason)
    console.print(show_builds([failed], console.width))
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.getvalue())
    assert reason in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 40
