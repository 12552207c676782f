"""Makes docs/pictures: the service is deployed to local/, builds run, and what a person sees of them is drawn.

``make pictures`` runs it; it takes some minutes. Of the two libraries that it needs besides, and of Chromium, nothing
else has a use.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from rich.console import Console

import sagebuild
from demo.laptop import ROOT, Aws, run_serverless, running_aws
from tools.pages import find_browser, take_picture
from tools.terminal import Terminal

PICTURES = ROOT / "docs" / "pictures"
TIME_SCALE = 30
PERSON = "ada"
METRICS = '[{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}, {"Name": "loss", "Regex": "loss=([0-9.]+)"}]'
# The parts of the first notebook that are shown: a file's name, the heading with which it begins, and the one after it.
PARTS = (
    ("notebook-build", "## Build", "## Ask the endpoint"),
    ("notebook-compare", "## Change something and compare", "## Stop one"),
)


def main() -> int:
    """Make all of them anew; 1 if Chromium is missing."""
    browser = find_browser()
    if browser is None:
        print("make pictures needs Chromium, which photographs the notebook: apt install chromium.", file=sys.stderr)
        return 1
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_aws(0, TIME_SCALE) as aws:
        run_serverless(aws, Console(), "deploy")
        work = Path(folder, "work")
        shutil.copytree(ROOT / "examples" / "digits", work / "examples" / "digits")
        shutil.copytree(ROOT / "notebooks", work / "notebooks")
        subprocess.run([sys.executable, ROOT / "examples" / "make_data.py", "digits", work], check=True)
        (work / "train.csv").rename(work / "digits.csv")
        variables = describe_person(aws, Path(folder))
        terminal = Terminal(work, variables)
        show_first_build(terminal)
        show_answers(terminal)
        show_builds(terminal)
        show_build(variables)
        show_notebook(browser, work / "notebooks", variables)
    for picture in sorted(PICTURES.iterdir()):
        print(f"{picture.stat().st_size / 1000:6.0f} kB  {picture.relative_to(ROOT)}")
    return 0


def describe_person(aws: Aws, home: Path) -> dict[str, str]:
    """The environment of whoever types, with nothing of this machine in it."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    person = {"HOME": str(home), "LOGNAME": PERSON, "USER": PERSON, "PATH": path, "TZ": "UTC", "LANG": "C.UTF-8"}
    return person | aws.variables | {"AWS_DEFAULT_REGION": aws.variables["AWS_REGION"]}


def show_first_build(terminal: Terminal) -> None:
    """From the first upload to a build while it runs."""
    terminal.type("sagebuild upload data digits.csv")
    terminal.type("sagebuild upload source examples/digits")
    settings = "trainentrypoint=train.py trainsourcefile=digits.tar.gz hyperparameters.epochs=60"
    terminal.type(f"sagebuild params set {settings}")
    terminal.type("sagebuild params set trainvolumesiz=3", code=1)
    terminal.draw(PICTURES / "terminal-params.svg", "Upload, and say what a build does")

    terminal.run_unseen(f"sagebuild params set 'metrics={METRICS}'")
    slow = "--set hyperparameters.epochs=1500 --set hyperparameters.learning-rate=0.0001"
    terminal.clear()
    terminal.type(f"sagebuild start --watch {slow}", stop_when=is_learning)
    terminal.draw(PICTURES / "terminal-watch.svg", "A build, while it runs")


def show_answers(terminal: Terminal) -> None:
    """Builds of all kinds: a better one, one that fails, one that is not good enough, one that asks."""
    terminal.run_unseen("sagebuild start --watch")
    terminal.run_unseen("sagebuild start --watch --set hyperparameters.epochs=5 --set trainentrypoint=trian.py", code=1)
    short = '--set hyperparameters.epochs=2 --set \'qualitygate={"metric": "accuracy", "minimum": 0.95}\''
    terminal.run_unseen(f"sagebuild start --watch {short}", code=3)
    terminal.run_unseen("sagebuild start --set hyperparameters.epochs=120 --set approval=manual")
    terminal.run_unseen("until sagebuild status --json | grep -q 'approval_requested_at\": \"2'; do sleep 0.3; done")
    terminal.clear()
    terminal.type("sagebuild approve --comment 'checked on digits of our own' --watch", answer="y\n")
    terminal.draw(PICTURES / "terminal-approve.svg", "A person says yes")


def show_builds(terminal: Terminal) -> None:
    """All of them, one of them, and what would stand in the way of the next."""
    terminal.clear()
    terminal.type("sagebuild rollback 2")
    terminal.run_unseen("sagebuild watch")
    terminal.type("sagebuild builds")
    terminal.type("sagebuild compare 2 5")
    terminal.draw(PICTURES / "terminal-builds.svg", "Builds, and two of them side by side")

    terminal.clear()
    terminal.type("sagebuild show 5")
    terminal.draw(PICTURES / "terminal-show.svg", "All that is known of a build")

    terminal.run_unseen("sagebuild params set trainsourcefile=digits-2.tar.gz")
    terminal.clear()
    terminal.type("sagebuild doctor", code=1)
    terminal.draw(PICTURES / "terminal-doctor.svg", "What stands in a build's way")
    terminal.run_unseen("sagebuild params undo")


def is_learning(screen: str) -> bool:
    """Whether the training's curve can be seen."""
    return re.search(r"Train Model .* running\b.*accuracy +[▁-█]{30,} +0\.(8[5-9]|9)", screen, re.DOTALL) is not None


def show_build(variables: dict[str, str]) -> None:
    """A build's state machine as a notebook draws it, while it trains."""
    os.environ |= variables
    build = sagebuild.connect().start({"hyperparameters.epochs": 1500})
    deadline = time.monotonic() + 120
    while not any((step.name, step.state) == ("Train Model", "running") for step in build.steps()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"The build that is to be drawn does not train: {build}")
        time.sleep(0.2)
    time.sleep(2)
    (PICTURES / "build.svg").write_text(build.steps()._repr_html_() + "\n", encoding="utf-8")
    build.stop()
    build.wait()


def show_notebook(browser: str, folder: Path, variables: dict[str, str]) -> None:
    """Parts of the first notebook, run from its beginning to the end of the last part."""
    notebook = nbformat.read(folder / "01-first-build.ipynb", as_version=4)
    headings = [cell.source.partition("\n")[0] for cell in notebook.cells]
    if missing := {heading for part in PARTS for heading in part[1:]} - set(headings):
        raise RuntimeError(f"The first notebook has no part headed {', '.join(missing)}; change PARTS after it.")
    notebook.cells = notebook.cells[: headings.index(PARTS[-1][2])]
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute(env=variables)
    for name, first, after in PARTS:
        part = nbformat.from_dict(notebook)
        part.cells = notebook.cells[headings.index(first) : headings.index(after)]
        html, _ = HTMLExporter(template_name="lab").from_notebook_node(part)
        page = folder / f"{name}.html"
        page.write_text(html, encoding="utf-8")
        take_picture(browser, page, PICTURES / f"{name}.png")


if __name__ == "__main__":
    sys.exit(main())
