"""The command line: ``python -m sagebuild``, or ``sagebuild`` where it is installed."""

import sys


def main() -> None:
    """Run the command that was typed."""
    try:
        from sagebuild.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in {"rich", "typer"}:
            raise
        print(f"sagebuild: the command line needs {error.name}; pip install 'sagebuild[client]'.", file=sys.stderr)
        sys.exit(1)
    app(prog_name="sagebuild")


if __name__ == "__main__":
    main()
