"""Container side of a processing job: runs a Python script in which the paths below /opt/ml are those of this machine.

It runs in its own process and does not import the engine. SAGEMAKER_BASE_DIR names the folder that represents /opt/ml.
It replaces /opt/ml in the texts of the script and of the modules that the script imports from its own folder or from
below that folder. With options such as -m and -c it only runs Python.
"""

import ast
import importlib.abc
import importlib.machinery
import os
import re
import sys
import types
from collections.abc import Sequence
from pathlib import Path

_PATH = re.compile(r"(?<![\w./-])/opt/ml(?![\w.-])")


class _Translator(ast.NodeTransformer):
    def __init__(self, base: str) -> None:
        self._base = base

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, str) and _PATH.search(node.value):
            return ast.copy_location(ast.Constant(_PATH.sub(lambda _: self._base, node.value)), node)
        return node


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module with translated texts; it writes no .pyc file."""

    def get_code(self, fullname: str) -> types.CodeType:
        path = self.get_filename(fullname)
        return compile_file(path, os.environ["SAGEMAKER_BASE_DIR"])


class _Finder(importlib.abc.MetaPathFinder):
    """Finds modules below these folders."""

    def __init__(self, *folders: Path) -> None:
        self._folders = folders

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The specification of a module with translated texts; None for every other module."""
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader) or not spec.origin:
            return None
        if not any(Path(spec.origin).is_relative_to(folder) for folder in self._folders):
            return None
        spec.loader = _Loader(fullname, spec.origin)
        return spec


def compile_file(path: str, base: str) -> types.CodeType:
    """Compile a script with translated texts."""
    tree = _Translator(base).visit(ast.parse(Path(path).read_bytes(), path))
    code: types.CodeType = compile(tree, path, "exec")
    return code


def main(arguments: list[str]) -> None:
    """Run the script that the first argument names, with the others as its arguments."""
    if not arguments or arguments[0].startswith("-"):
        os.execv(sys.executable, [sys.executable, *arguments])
    script, base = Path(arguments[0]), os.environ["SAGEMAKER_BASE_DIR"]
    if not script.is_file():
        os.execv(sys.executable, [sys.executable, *arguments])  # with Python's own error
    folder = script.resolve().parent
    sys.argv = arguments
    sys.path.insert(0, str(folder))
    sys.meta_path.insert(0, _Finder(Path(base), folder))
    module = types.ModuleType("__main__")
    module.__file__ = str(script)
    sys.modules["__main__"] = module
    exec(compile_file(str(script), base), module.__dict__)  # the user's own program  # nosec B102


if __name__ == "__main__":
    main(sys.argv[1:])
