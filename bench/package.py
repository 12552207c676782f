"""The functions as they are packaged for Lambda, but for this machine: trimmed service models, and bytecode."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from bench.measure import ROOT
from tools.lambda_package import NOT_PACKED, OWN_CODE, compile_files, list_operations, trim_services


def make_package(folder: Path) -> tuple[Path, Path]:
    """Copy the functions' code and install their layer, as `serverless package` does it for Lambda's Python.

    Returns
    -------
    code, layer : tuple[Path, Path]
        The folders that Lambda has as /var/task and /opt/python.
    """
    code, layer = folder / "code", folder / "layer"
    left_out = {str(path) for path in NOT_PACKED}
    for source in OWN_CODE:
        shutil.copytree(
            source,
            code / source.name,
            ignore=lambda parent, names: [each for each in names if os.path.join(parent, each) in left_out],
        )
    uv = Path(sys.executable).with_name("uv")
    options = ["--quiet", "--no-compile-bytecode", "--python", sys.executable, "--target", str(layer)]
    subprocess.run([uv, "pip", "install", *options, "-r", "requirements.txt"], cwd=ROOT, check=True)
    service = yaml.safe_load((ROOT / "serverless.yml").read_text(encoding="utf-8"))
    trim_services(layer, list_operations(service["custom"]["pythonLayer"]["awsServices"]))
    compile_files(sys.executable, layer, check_source=False)
    compile_files(sys.executable, code, check_source=True)
    return code, layer
