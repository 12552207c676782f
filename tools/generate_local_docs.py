"""Writes the table of operations into local/README.md, from the services that the engine installs: ``make docs``."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "local" / "README.md"
BEGIN, END = "<!-- Written by tools/generate_local_docs.py (make docs). -->\n", "<!-- The end of the table. -->\n"


def write_page(text: str) -> str:
    """Return the text of the page with the table of the engine, which is another program."""
    command = [sys.executable, "-m", "local.coverage"]
    table = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    README.write_text(write_page(README.read_text(encoding="utf-8")), encoding="utf-8")
