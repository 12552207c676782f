"""Makes docs/pictures: deploys the service to local/, runs builds, and pictures the terminal, the page and a notebook.

``make pictures`` runs it, in some minutes. It needs libraries that nothing else in the project uses.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any, Literal

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from playwright.sync_api import Browser, expect
from rich.console import Console

import sagebuild
from demo.local_aws import ROOT, Aws, run_serverless, running_aws, serving_page
from tools.browser import running_browser
from tools.screenshots import store_screenshot, take_picture
from tools.terminal import Terminal

PICTURES = ROOT / "docs" / "pictures"
PERSON = "ada"
METRICS = '[{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}, {"Name": "loss", "Regex": "loss=([0-9.]+)"}]'
# The parts of the first notebook that are pictured: the file's name, the part's first heading, the heading after it.
PARTS = (
    ("notebook-build", "## Build", "## Invoke the endpoint"),
    ("notebook-compare", "## Change something and compare", "## Stop a build"),
)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PLOTLY = "application/vnd.plotly.v1+json"
PLOTLY_JS = Path(sysconfig.get_path("purelib"), "plotly", "package_data", "plotly.min.js")


def main() -> int:
    """Make all pictures."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_aws(0) as aws, running_browser() as browser:
        run_serverless(aws, Console(), "deploy")
        work = Path(folder, "work")
        shutil.copytree(ROOT / "pipelines" / "digits", work / "pipelines" / "digits")
        shutil.copytree(ROOT / "notebooks", work / "notebooks")
        subprocess.run([sys.executable, ROOT / "pipelines/digits/make_data.py", work / "digits.csv"], check=True)
        variables = describe_person(aws, Path(folder))
        terminal = Terminal(work, variables)
        show_first_build(terminal)
        show_answers(terminal)
        show_builds(terminal)
        show_build(browser, aws, variables)
        show_notebook(browser, work / "notebooks", variables)
    for picture in sorted(PICTURES.iterdir()):
        print(f"{picture.stat().st_size / 1000:6.0f} kB  {picture.relative_to(ROOT)}")
    return 0


def describe_person(aws: Aws, home: Path) -> dict[str, str]:
    """Return the environment variables of the person who types, without any of this machine's."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    person = {"HOME": str(home), "LOGNAME": PERSON, "USER": PERSON, "PATH": path, "TZ": "UTC", "LANG": "C.UTF-8"}
    return {**person, **aws.variables}


def show_first_build(terminal: Terminal) -> None:
    """Picture the first upload, the parameters, and a running build."""
    terminal.type("sagebuild upload data digits.csv")
    terminal.type("sagebuild upload source pipelines/digits/src --name digits.tar.gz")
    settings = "trainentrypoint=train.py trainsourcefile=digits.tar.gz hyperparameters.epochs=60"
    terminal.type(f"sagebuild params set {settings}")
    terminal.type("sagebuild params set trainvolumesiz=3", code=1)
    terminal.draw(PICTURES / "terminal-params.svg", "Upload, and set parameters")

    terminal.run_unseen(f"sagebuild params set 'metrics={METRICS}'")
    slow = "--set hyperparameters.epochs=1500 --set hyperparameters.learning-rate=0.0001"
    terminal.clear()
    terminal.type(f"sagebuild start --watch {slow}", stop_when=is_learning)
    terminal.draw(PICTURES / "terminal-watch.svg", "A running build")


def show_answers(terminal: Terminal) -> None:
    """Run builds that succeed, fail and are withheld, and picture the approval of one."""
    terminal.run_unseen("sagebuild start --watch")
    terminal.run_unseen("sagebuild start --watch --set hyperparameters.epochs=5 --set trainentrypoint=trian.py", code=1)
    short = '--set hyperparameters.epochs=2 --set \'qualitygate={"metric": "accuracy", "minimum": 0.95}\''
    terminal.run_unseen(f"sagebuild start --watch {short}", code=3)
    terminal.run_unseen("sagebuild start --set hyperparameters.epochs=120 --set approval=manual")
    terminal.run_unseen("until sagebuild status --json | grep -q 'approval_requested_at\": \"2'; do sleep 0.3; done")
    terminal.clear()
    terminal.type("sagebuild approve --comment 'checked on our own digits' --watch", answer="y\n")
    terminal.draw(PICTURES / "terminal-approve.svg", "Approving a build")


def show_builds(terminal: Terminal) -> None:
    """Picture the list of builds, one build, and the doctor."""
    terminal.clear()
    terminal.type("sagebuild rollback 2")
    terminal.run_unseen("sagebuild watch")
    terminal.type("sagebuild builds")
    terminal.type("sagebuild compare 2 5")
    terminal.draw(PICTURES / "terminal-builds.svg", "All builds, and two of them compared")

    terminal.clear()
    terminal.type("sagebuild show 5")
    terminal.draw(PICTURES / "terminal-show.svg", "One build")

    terminal.run_unseen("sagebuild params set trainsourcefile=digits-2.tar.gz")
    terminal.clear()
    terminal.type("sagebuild doctor", code=1)
    terminal.draw(PICTURES / "terminal-doctor.svg", "A check before the next build")
    terminal.run_unseen("sagebuild params undo")


def is_learning(screen: str) -> bool:
    """False until the screen shows the running training, two long curves and a value beside each of them."""
    accuracy, loss = r"accuracy +[▁-█]{30,} +0\.(8[5-9]|9)", r"loss +[▁-█]{30,} +\d\.\d{3}"
    return re.search(rf"Train Model .* running\b.*{accuracy}.*{loss}", screen, re.DOTALL) is not None


def show_build(browser: Browser, aws: Aws, variables: dict[str, str]) -> None:
    """Picture a build during the training: its steps as a notebook draws them, and the page of builds."""
    os.environ |= variables
    build = sagebuild.connect().start({"hyperparameters.epochs": 1500})
    deadline = time.monotonic() + 120
    while not any((step.name, step.state) == ("Train Model", "running") for step in build.steps()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"The build to be pictured does not train: {build}")
        time.sleep(0.2)
    time.sleep(2)
    with tempfile.TemporaryDirectory() as folder:
        flow = Path(folder, "flow.html")
        flow.write_text(f"<meta charset='utf-8'><body>{build.steps()._repr_html_()}</body>", encoding="utf-8")
        take_picture(browser, flow, PICTURES / "build.png")
    with serving_page(aws) as address:
        show_page(browser, address, {"page-builds": "builds", "page-build": f"builds/{build.number}"})
    build.stop()
    build.wait()


def show_page(browser: Browser, address: str, views: dict[str, str]) -> None:
    """Picture views of the page of builds, the second one in the dark theme."""
    for (name, view), scheme in zip(views.items(), SCHEMES, strict=True):
        page = browser.new_page(viewport={"width": 1100, "height": 900}, device_scale_factor=1.5, color_scheme=scheme)
        page.goto(f"{address}default/{view}")
        expect(page.locator("[data-src]:visible").filter(has_text="Loading ...")).to_have_count(0, timeout=60_000)
        page.wait_for_timeout(1000)  # milliseconds; plotly draws
        store_screenshot(page, PICTURES / f"{name}.png", height=900)
        page.close()


def show_notebook(browser: Browser, folder: Path, variables: dict[str, str]) -> None:
    """Run the first notebook to the end of the last pictured part, and picture the parts."""
    notebook = nbformat.read(folder / "01-first-build.ipynb", as_version=4)
    headings = [cell.source.partition("\n")[0] for cell in notebook.cells]
    if missing := {heading for part in PARTS for heading in part[1:]} - set(headings):
        raise RuntimeError(f"The first notebook has no heading {', '.join(missing)}; change PARTS.")
    notebook.cells = notebook.cells[: headings.index(PARTS[-1][2])]
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute(env=variables)
    script = PLOTLY_JS.read_text(encoding="utf-8")
    for name, first, after in PARTS:
        part = nbformat.from_dict(notebook)
        part.cells = notebook.cells[headings.index(first) : headings.index(after)]
        for number, cell in enumerate(part.cells):
            for output in cell.get("outputs", []):
                draw_figure(output, f"figure-{number}")
        html, _ = HTMLExporter(template_name="lab").from_notebook_node(part)
        page = folder / f"{name}.html"
        page.write_text(html.replace("<head>", f"<head><script>{script}</script>", 1), encoding="utf-8")
        take_picture(browser, page, PICTURES / f"{name}.png")


def draw_figure(output: dict[str, Any], place: str) -> None:
    """Draw a chart as JupyterLab does, which nbconvert cannot."""
    figure = output.get("data", {}).pop(PLOTLY, None)
    if figure:
        call = f"Plotly.newPlot('{place}', {json.dumps(figure['data'])}, {json.dumps(figure['layout'])})"
        output["data"]["text/html"] = f"<div id='{place}'></div><script>{call}</script>"


if __name__ == "__main__":
    sys.exit(main())
