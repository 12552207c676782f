"""Makes the Lambda layer quick to start from: a cold start reads, parses and compiles whatever it imports.

botocore describes 400 services with thousands of operations, of which the functions call about a hundred. And without
bytecode in the layer every cold start compiles it anew, because /opt is read-only:
https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html
"""

import argparse
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import s3transfer
from botocore import xform_name
from botocore.loaders import Loader

ROOT = Path(__file__).parent.parent
OWN_CODE = (ROOT / "handlers", ROOT / "sagebuild", ROOT / "skill")  # what `package` in serverless.yml packs, except:
NOT_PACKED = tuple(
    ROOT / "sagebuild" / name for name in ("assistants", "cli", "client", "container", "deployment", "page", "project")
)
CODE = (*OWN_CODE, Path(s3transfer.__file__).parent)  # boto3 copies objects through s3transfer


def list_operations(services: Iterable[str], code: Iterable[Path] = CODE) -> dict[str, list[str]]:
    """Return the operations of each AWS service whose names the code contains.

    Parameters
    ----------
    services
        botocore's names of the services, such as "sagemaker".
    code
        Folders of Python files. Both spellings count, "create_model" and "CreateModel"; a name that a program would
        put together from parts is not found.
    """
    words = set(re.findall(r"\w+", "\n".join(_read_files(code))))
    loader = Loader()
    return {
        service: sorted(
            name
            for name, operation in loader.load_service_model(service, "service-2")["operations"].items()
            # botocore itself asks for the endpoints of some services.
            if name in words or xform_name(name) in words or operation.get("endpointoperation")
        )
        for service in services
    }


def _read_files(code: Iterable[Path]) -> Iterator[str]:
    for folder in code:
        for path in folder.rglob("*.py"):
            if not any(path.is_relative_to(left_out) for left_out in NOT_PACKED):
                yield path.read_text(encoding="utf-8")


def trim_services(layer: Path, operations: dict[str, list[str]]) -> None:
    """Delete from a layer botocore's descriptions of other services, older versions and other operations."""
    for folder in sorted(path for path in (layer / "botocore" / "data").iterdir() if path.is_dir()):
        if folder.name not in operations:
            shutil.rmtree(folder)
            continue
        *older, newest = sorted(folder.iterdir())
        for version in older:
            shutil.rmtree(version)
        (newest / "examples-1.json").unlink(missing_ok=True)
        path = newest / "service-2.json.gz"
        model = trim_model(json.loads(gzip.decompress(path.read_bytes())), operations[folder.name])
        path.unlink()  # uv installs hard links to its cache, whose file must stay as it is
        path.write_bytes(gzip.compress(json.dumps(model, separators=(",", ":")).encode(), mtime=0))


def trim_model(model: dict[str, Any], operations: Iterable[str]) -> dict[str, Any]:
    """Return the content of a service-2.json with only these operations, and the shapes that they use."""
    kept = {name: model["operations"][name] for name in operations}
    shapes: dict[str, Any] = {}
    waiting = list(_list_shapes(kept))
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            waiting += _list_shapes(shapes[name])
    return model | {"operations": kept, "shapes": {name: shapes[name] for name in sorted(shapes)}}


def _list_shapes(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == "shape" and isinstance(value, str):
                yield value
            else:
                yield from _list_shapes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _list_shapes(value)


def find_python(version: str) -> str | None:
    """Return a working interpreter of a version such as "3.13" on this machine: on the PATH, of pyenv or of uv."""
    uv = str(Path(sys.executable).with_name("uv"))
    by_name = [f"python{version}", "-c", "import sys; print(sys.executable)"]
    of_uv = [uv, "python", "find", "--managed-python", "--no-python-downloads", version]
    # pyenv's python3.13 runs only if this variable, or a setting, selects a version; "3.13" is the newest 3.13:
    # https://github.com/pyenv/pyenv/pull/2487
    variables = os.environ | {"PYENV_VERSION": version}
    for command in (by_name, of_uv):
        with suppress(OSError):
            ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
            if ended.returncode == 0:
                return ended.stdout.strip()
    return None


def compile_files(python: str, folder: Path, *, check_source: bool) -> None:
    """Write the bytecode of a folder's files beside them, the same bytes whenever the files are the same.

    Parameters
    ----------
    python
        The interpreter that will read the bytecode, or another of its version.
    folder
        The folder; a traceback will show its files without the path to it.
    check_source
        Whether Python shall compare the bytecode with its source when it reads it, as it must where people edit.
        https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation
    """
    mode = "checked-hash" if check_source else "unchecked-hash"
    options = ["-q", "-f", "--invalidation-mode", mode, "-s", str(folder.parent)]
    subprocess.run([python, "-W", "ignore", "-m", "compileall", *options, str(folder)], check=True)


def compile_code(folders: Iterable[Path], version: str, python: str | None, stamp: Path) -> None:
    """Compile the functions' code, unless its files and their bytecode are the same as after the last time.

    Parameters
    ----------
    folders
        Folders of Python files.
    version
        The version of Python on Lambda, such as "3.13".
    python
        An interpreter of this version; without one, the bytecode of this version is deleted.
    stamp
        A file that this function writes, to compare the next time.
    """
    tag = f"cpython-{version.replace('.', '')}"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == _fingerprint(folders, tag, python):
        return
    for folder in folders:
        for outdated in folder.rglob(f"*.{tag}.pyc"):
            outdated.unlink()
        if python:
            compile_files(python, folder, check_source=True)
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(_fingerprint(folders, tag, python), encoding="utf-8")


def _fingerprint(folders: Iterable[Path], tag: str, python: str | None) -> str:
    digest = hashlib.sha256(str(python).encode())
    files = (path for folder in folders for path in folder.rglob("*") if path.name.endswith((".py", f".{tag}.pyc")))
    for path in sorted(files):
        digest.update(f"\n{path} {hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()


def main() -> None:
    """Compile the functions' code; print what the layer depends on, as JSON; with --layer, trim and compile a layer."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("version", help="of Python on Lambda, such as 3.13")
    parser.add_argument("services", nargs="+", help="botocore's names of the AWS services that the functions call")
    parser.add_argument("--layer", type=Path, help="the folder with the installed packages")
    given = parser.parse_args()
    operations, python = list_operations(given.services), find_python(given.version)
    if given.layer:
        trim_services(given.layer, operations)
        if python:
            compile_files(python, given.layer, check_source=False)
        return
    compile_code(OWN_CODE, given.version, python, ROOT / ".layer" / "compiled")
    print(json.dumps({"operations": operations, "compiled": bool(python)}))


if __name__ == "__main__":
    main()
