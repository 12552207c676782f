"""The page about your own project works word for word."""

import json
import re
import subprocess
from pathlib import Path

import numpy as np

from tests.e2e.stack import DeployedStack, wait_until
from tests.engine import ROOT

# "Save ... as `~/path`", and the file below.
SAVED = re.compile(r"[Ss]ave [^:]*?`~/(\S+)`[^:]*?:\n\n```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE)


def read_page(name: str, home: Path) -> str:
    """Save a page's files below a home folder, and return its commands as one script, without those for make."""
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    for path, text in SAVED.findall(page):
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text, encoding="utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    return "".join(block for block in blocks if not block.startswith("make "))


def test_the_page_about_your_own_project_works_word_for_word(deployed: DeployedStack, tmp_path: Path) -> None:
    script = read_page("your-own-project.md", tmp_path)
    environment = deployed.engine.environment | {"HOME": str(tmp_path), "COLUMNS": "200"}
    command = ["bash", "-euo", "pipefail", "-c", f"exec 2>&1; {script}"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, timeout=600)
    output = ended.stdout
    assert ended.returncode == 0, output
    assert re.search(r"^accuracy=0\.9", output, re.MULTILINE)
    assert "Build 2 succeeded" in output
    assert "Build 3, a rollback to build 1, succeeded" in output
    (predicted,) = re.findall(r"^\[[0-9., ]+\]$", output, re.MULTILINE)
    unseen = np.loadtxt(tmp_path / "wine/data/unseen.csv", delimiter=",")
    assert np.mean(np.array(json.loads(predicted)) == unseen[:, -1]) > 0.9
    list_endpoints = deployed.client("sagemaker").list_endpoints
    wait_until(lambda: not list_endpoints(NameContains="wine")["Endpoints"])
