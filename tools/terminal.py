"""Runs commands in an emulated terminal, and draws its screen as SVG."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import pyte
from pyte.screens import Char
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

COLUMNS, LINES = 112, 50
_TIMEOUT_SECONDS = 180.0
# rich's names of colours, by pyte's names.
_COLOURS = {"brown": "yellow", "brightblack": "bright_black"}
_THEME = TerminalTheme(
    (18, 22, 28),
    (222, 228, 236),
    [(60, 66, 74), (255, 107, 107), (87, 199, 133), (240, 196, 92), (97, 175, 239), (198, 146, 233), (80, 200, 215),
     (222, 228, 236)],
    [(130, 140, 152), (255, 140, 140), (120, 220, 160), (250, 214, 130), (140, 200, 250), (215, 175, 245),
     (120, 220, 230), (255, 255, 255)],
)  # fmt: skip
# The SVG must not load a font from another server.
_SVG = re.sub(r"    @font-face \{\{.*?\n    \}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "font-family: Fira Code, monospace",
    "font-family: 'Fira Code', ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace",
)


class Terminal:
    """A terminal of fixed size that runs one command after another.

    Parameters
    ----------
    folder
        The folder in which the commands run.
    variables
        Their environment; nothing else is inherited.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._folder = folder
        self._variables = {**variables, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(LINES)}
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)

    def clear(self) -> None:
        """Clear the screen."""
        self._screen.reset()

    def type(
        self, command: str, answer: str = "", stop_when: Callable[[str], bool] | None = None, code: int = 0
    ) -> None:
        """Show a prompt and a command, and run the command to its end.

        Parameters
        ----------
        answer
            The text to type when the command asks "[y/N]".
        stop_when
            Called with the screen's text; once it returns True, the screen is frozen and the command runs on unseen.
        code
            The expected exit code.

        Raises
        ------
        RuntimeError
            The exit code is another one, or ``stop_when`` never returned True.
        """
        blank = b"\r\n" if self.text else b""
        self._stream.feed(blank + b"\x1b[32m$\x1b[0m \x1b[1m" + command.encode() + b"\x1b[0m\r\n")
        seen = True
        for output, keyboard in self._run(command, code):
            if seen:
                self._stream.feed(output.replace(b"\x1b[2m", b"\x1b[90m"))  # pyte does not support dim
                seen = not (stop_when and stop_when(self.text))
            if answer and "[y/N]" in self.text:
                os.write(keyboard, answer.encode())
                answer = ""
        if stop_when and seen:
            raise RuntimeError(f"{command} never showed the expected text; its last screen:\n{self.text}")

    def run_unseen(self, command: str, code: int = 0) -> None:
        """Run a command without showing it; see `type`."""
        for _ in self._run(command, code):
            pass

    def _run(self, command: str, code: int) -> Iterator[tuple[bytes, int]]:
        """Yield the command's output in pieces, each with the file descriptor for its input."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            ["bash", "-c", command], cwd=self._folder, env=self._variables, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        deadline, last = time.monotonic() + _TIMEOUT_SECONDS, b""
        while time.monotonic() < deadline:
            try:
                if select.select([ours], [], [], 0.2)[0]:
                    last = os.read(ours, 65536)
                    yield last, ours
            except OSError:  # the command has closed the terminal
                break
        else:
            process.kill()
        os.close(ours)
        if process.wait() != code:
            raise RuntimeError(f"{command} ended with {process.returncode}, not {code}: {last.decode()}")

    @property
    def text(self) -> str:
        """The text on the screen."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def draw(self, path: Path, title: str) -> None:
        """Write the screen as SVG, without the empty lines at its end."""
        used = len(self.text.splitlines())
        console = Console(record=True, width=COLUMNS, file=io.StringIO(), legacy_windows=False)
        for line in range(used):
            console.print(_to_text([self._screen.buffer[line][column] for column in range(COLUMNS)]))
        name = path.stem.replace("-", "")
        path.write_text(
            console.export_svg(title=title, theme=_THEME, code_format=_SVG, unique_id=name), encoding="utf-8"
        )


def _to_text(characters: Sequence[Char]) -> Text:
    text = Text(no_wrap=True, overflow="ignore")
    for style, same in groupby(characters, _to_style):
        text.append("".join(one.data for one in same), style)
    text.rstrip()
    return text


def _to_style(one: Char) -> Style:
    colour = f"#{one.fg}" if re.fullmatch("[0-9a-f]{6}", one.fg) else _COLOURS.get(one.fg, one.fg)
    return Style(color=colour, bold=one.bold)
