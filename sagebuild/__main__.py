"""The entry point of the command line: ``python -m sagebuild``, or ``sagebuild`` once it is installed."""

import os
import sys

from sagebuild.cli.app import app
from sagebuild.cli.bash_words import join_assignments
from sagebuild.cli.console import adapt_encoding


def main() -> None:
    """Run a command."""
    for output in (sys.stdout, sys.stderr):
        adapt_encoding(output)
    join_assignments(os.environ)
    app(prog_name="sagebuild")


if __name__ == "__main__":
    main()
