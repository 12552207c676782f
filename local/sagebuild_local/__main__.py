"""The command ``sagebuild-local``."""

import sys
from pathlib import Path


def main() -> None:
    """Run the engine from the folder ``local`` beside this module."""
    sys.path.insert(0, str(Path(__file__).parent))
    from local.__main__ import run

    run("sagebuild-local")


if __name__ == "__main__":
    main()
