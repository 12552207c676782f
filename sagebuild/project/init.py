"""Copies a ready pipeline to a new folder, as the start of a project."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from sagebuild.errors import InputError
from sagebuild.project.file import FILE, read_project

DEFAULT_PIPELINE = "digits"
WORKFLOW = ".github/workflows/build.yml"
_HERE = Path(__file__).parent
# In the wheel the pipelines are beside this module; in a clone they are at the top.
_READY = next(
    (folder for folder in (_HERE / "pipelines", _HERE.parents[1] / "pipelines") if folder.is_dir()), _HERE / "pipelines"
)
_NO_PACKAGES = 'PACKAGES: ""'
_PACKAGES = {"PIL": "pillow", "sklearn": "scikit-learn", "yaml": "pyyaml"}  # where the module has another name
_NOT_COPIED = {"expect.json", "__pycache__"}  # the expectation is for the test of the ready pipeline
# What people install and run in a clone of sagebuild alone, and what a project has in its place.
_CLONE_ALONE = (
    ("after make local", "after sagebuild up --local"),
    (" (`make examples`)", ""),
)
_RELATIVE_LINK = re.compile(r"\[([^\]]*)\]\(\.\./\.\./[^)]*\)")


def list_ready_pipelines() -> dict[str, str]:
    """Return the title of each ready pipeline by its name."""
    titles = {}
    for path in sorted(_READY.glob(f"*/{FILE}")):
        first = (path.parent / "README.md").read_text(encoding="utf-8").partition("\n")[0]
        titles[path.parent.name] = first.removeprefix("# ")
    return titles


def create_project(folder: Path, pipeline: str = DEFAULT_PIPELINE) -> list[str]:
    """Copy a ready pipeline, and add a workflow for GitHub.

    Parameters
    ----------
    folder
        The new folder; it may exist if it has none of the files.

    Returns
    -------
    list of str
        The names of the files that were written.

    Raises
    ------
    InputError
        There is no such pipeline, or a file would be overwritten; nothing was written.
    """
    known = list_ready_pipelines()
    if pipeline not in known:
        raise InputError(f"There is no ready pipeline '{pipeline[:60]}'; the pipelines are {', '.join(known)}.")
    if folder.is_file():
        raise InputError(f"{folder} is a file; choose another folder. Nothing was written.")
    files = dict(_read_files(_READY / pipeline, pipeline))
    if existing := [name for name in files if (folder / name).exists()]:
        raise InputError(f"{folder} already has {', '.join(existing[:5])}; choose another folder. Nothing was written.")
    for name, content in files.items():
        try:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        except OSError as error:
            raise InputError(f"{folder / name} cannot be written: {error.strerror}.") from None
    return list(files)


def _read_files(source: Path, pipeline: str) -> Iterator[tuple[str, bytes]]:
    data = read_project(source).content.data.values()
    created = {Path(one.path).parent for one in data if one.script}
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if not path.is_file() or _NOT_COPIED & set(name.parts) or created & set(name.parents[:-1]):
            continue
        content = path.read_bytes()
        yield name.as_posix(), _adapt(content.decode(), pipeline).encode() if name.suffix == ".md" else content
    if created:
        yield ".gitignore", "".join(f"/{folder.as_posix()}/\n" for folder in sorted(created)).encode()
    scripts = {source / one.script for one in data if one.script}
    packages = sorted({name for script in scripts for name in _list_packages(script)})
    yield WORKFLOW, read_workflow(packages).encode()


def read_workflow(packages: Iterable[str] = ()) -> str:
    """Return the workflow for GitHub that checks pull requests, and builds on pushes to main.

    Parameters
    ----------
    packages
        The Python packages that the scripts for the data need.
    """
    text = (_HERE / "build_workflow.yml").read_text(encoding="utf-8")
    return text.replace(_NO_PACKAGES, f'PACKAGES: "{" ".join(packages)}"')


def _list_packages(script: Path) -> Iterator[str]:
    """Yield the packages that a script imports."""
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
        modules = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
        yield from (_PACKAGES.get(module, module) for module in modules)


def _adapt(readme: str, pipeline: str) -> str:
    """Return a README without what is true only in the repository of sagebuild."""
    paragraphs = [text for text in readme.split("\n\n") if not text.startswith("`make pipeline")]
    text = "\n\n".join(paragraphs).replace(f" pipelines/{pipeline}  ", " ").replace(f" pipelines/{pipeline}", "")
    for command, replacement in _CLONE_ALONE:
        text = text.replace(command, replacement)
    return _RELATIVE_LINK.sub(r"\1", text)
