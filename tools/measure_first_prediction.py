"""Measures the way from `pip install` to a first prediction, with the commands of docs/project.md.

python -m tools.measure_first_prediction

The commands run in a new virtual environment, with the wheel of `make dist` in place of the released package. pip
downloads everything anew.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
_PAGE = ROOT / "docs" / "project.md"
_BLOCK = re.compile(r"```bash\n(pip install sagebuild .*?)```", re.DOTALL)
_SERVES = "/invocations"  # `sagebuild run --serve` prints the address of the endpoint
_LIMIT_SECONDS = 300


def read_commands() -> list[str]:
    """Return the commands of the page."""
    found = _BLOCK.search(_PAGE.read_text(encoding="utf-8"))
    assert found, f"{_PAGE} has no commands"
    return found[1].replace("\\\n", "").strip().splitlines()


def measure(folder: Path, wheel: Path) -> float:
    """Run the commands in a folder, and print their times; return the seconds of all of them."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    variables = os.environ | {"PATH": f"{folder / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    total, server = 0.0, None
    try:
        for command in read_commands():
            text = re.sub("^pip install sagebuild", f"pip install --quiet --no-cache-dir {wheel}", command)
            began = time.monotonic()
            if "--serve" in command:
                server = subprocess.Popen(text.split(), cwd=folder, env=variables, stdout=subprocess.PIPE, text=True)
                assert server.stdout
                assert any(_SERVES in line for line in server.stdout), "the endpoint did not start"
            else:
                # The commands of docs/project.md, as a person gives them to a shell.
                subprocess.run(text, shell=True, cwd=folder, env=variables, check=True)  # nosec B602
            seconds = time.monotonic() - began
            total += seconds
            print(f"{seconds:6.1f} s  {command}", flush=True)
    finally:
        if server:
            server.terminate()
            server.wait()
    print(f"{total:6.1f} s  {len(read_commands())} commands")
    return total


def main() -> int:
    """Measure once; return 1 if it took five minutes or longer."""
    (wheel,) = (ROOT / "dist").glob("*.whl")
    with tempfile.TemporaryDirectory() as folder:
        return int(measure(Path(folder), wheel) >= _LIMIT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
