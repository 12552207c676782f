"""The command line imports the module of a command when it is named, and no other."""

import subprocess
import sys
from importlib import import_module

import pytest
import typer
from typer.main import get_group

from sagebuild.cli.app import MODULES
from tests.engine import ROOT


@pytest.mark.parametrize("module", MODULES)
def test_the_table_names_what_a_module_adds(module: str) -> None:
    app = typer.Typer()
    import_module(f"sagebuild.cli.{module}").add_commands(app)
    assert tuple(get_group(app).commands) == MODULES[module]


def test_the_page_is_served_before_boto3_is_loaded() -> None:
    code = (
        "import sys\n"
        "from sagebuild.cli.app import Commands\n"
        "Commands()['ui']\n"
        "import sagebuild.page.server\n"
        "print(sorted({'boto3', 'pydantic', 'mcp', 'plotly'} & set(sys.modules)))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"
