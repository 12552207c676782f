"""The entry point of the command line: ``python -m sagebuild``, or ``sagebuild`` once it is installed."""

import os
import sys


def main() -> None:
    """Run a command; exit with 1 if a library of the command line is not installed."""
    try:
        from sagebuild.cli.app import app
        from sagebuild.cli.bash_words import join_assignments
        from sagebuild.cli.console import adapt_encoding
    except ModuleNotFoundError as error:
        if error.name not in {"rich", "typer"}:
            raise
        print(f"sagebuild: the command line needs {error.name}; run: pip install 'sagebuild[client]'", file=sys.stderr)
        sys.exit(1)
    for output in (sys.stdout, sys.stderr):
        adapt_encoding(output)
    join_assignments(os.environ)
    app(prog_name="sagebuild")


if __name__ == "__main__":
    main()
