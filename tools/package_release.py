"""Packages the service for the wheel, with serverless: its template and the archives of its functions.

python -m tools.package_release

`sagebuild up` deploys these files, and puts the real stage in the place of the one in `sagebuild.deployment.release`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sagebuild.deployment.release import FILES, FOLDER, STAGE

ROOT = Path(__file__).parents[1]


def package_release(target: Path) -> None:
    """Package the service into a folder, which loses its other files."""
    command = [str(ROOT / "node_modules" / ".bin" / "serverless"), "package", "--stage", STAGE, "--package"]
    # Neither credentials nor the metadata service of EC2 may be asked for.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    variables |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED": "true"}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*command, folder], cwd=ROOT, env=variables, check=True, stdout=sys.stderr)
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in FILES:
            shutil.copyfile(Path(folder, name), target / name)


if __name__ == "__main__":
    package_release(FOLDER)
