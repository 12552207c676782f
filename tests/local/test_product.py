"""``sagebuild-local``, the package of local/ alone, runs the project of its page about your own stack."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine import ROOT

PAGE = ROOT / "local" / "your-own-stack.md"
# "`name` ...:", and the file below.
_FILE = re.compile(r"`([\w./]+)`[^`]*:\n\n```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new virtual environment with the wheel, scikit-learn and pytest, from uv's cache."""
    folder = tmp_path_factory.mktemp("product")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT / "local", capture_output=True, check=True)
    (wheel,) = folder.glob("sagebuild_local-*.whl")
    uv, programs = Path(sys.executable).with_name("uv"), folder / "environment" / "bin"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, programs.parent], check=True)
    install: list[str | Path] = [uv, "pip", "install", "--quiet", "--offline", "--python", programs / "python"]
    for name in ("requirements.txt", "requirements-dev.txt"):
        install += ["--constraint", ROOT / name]
    install += [wheel, "scikit-learn", "pytest"]
    subprocess.run(install, check=True)
    return programs


def test_the_project_of_the_page_passes_its_tests_with_the_package_alone(installed: Path, tmp_path: Path) -> None:
    files = dict(_FILE.findall(PAGE.read_text(encoding="utf-8")))
    assert files.keys() > {"serverless.yml", "start.py", "train.py", "conftest.py", "test_shop.py"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    subprocess.run(["tar", "czf", "source.tar.gz", "train.py"], cwd=tmp_path, check=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))}
    environment |= {"PATH": f"{installed}{os.pathsep}{os.environ['PATH']}", "SLS_AWS_MONITORING_FREQUENCY": "200"}
    command = [str(installed / "pytest"), "-q"]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 passed" in ended.stdout


def test_the_package_takes_no_name_but_its_own(installed: Path) -> None:
    code = "import importlib.util; print([importlib.util.find_spec(name) for name in ('local', 'sagebuild')])"
    command = [str(installed / "python"), "-c", code]
    ended = subprocess.run(command, cwd=installed, capture_output=True, text=True, check=True)
    assert ended.stdout == "[None, None]\n"
