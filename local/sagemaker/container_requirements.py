"""Container side: installs the packages of requirements.txt that this environment lacks, into a folder."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement


def main(requirements: Path, target: Path) -> int:
    """Install the missing packages; return the exit code."""
    lines = [line.partition(" #")[0].strip() for line in requirements.read_text().splitlines()]
    missing = [line for line in lines if line and not line.startswith("#") and not _is_satisfied(line)]
    if not missing:
        return 0
    print(f"requirements.txt: installing {', '.join(missing)}", flush=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return subprocess.run([*command, "--target", str(target), *missing], check=False).returncode


def _is_satisfied(line: str) -> bool:
    try:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate():
            return True
        return requirement.specifier.contains(metadata.version(requirement.name), prereleases=True)
    except (InvalidRequirement, metadata.PackageNotFoundError):
        return False


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
