"""Walks the statements of a script: assignments, branches and functions, as far as they are known without a run."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sagebuild.errors import InputError
from sagebuild.project.sdk_code.evaluator import Evaluator
from sagebuild.project.sdk_code.values import Call, Unknown

_DEEPEST = 20  # calls of the script's functions inside each other
_MOST_CALLS = 1000  # of the script's functions; one that calls itself has no end


class Reader(Evaluator):
    """Reads the statements of one script. Of an `if` whose condition is not known, both branches are read."""

    def __init__(self) -> None:
        super().__init__()
        self._functions: dict[str, ast.FunctionDef] = {}
        self._called: set[str] = set()
        self._calls_left = _MOST_CALLS
        self._returned: list[Any] = []  # of each function that is being read; None until it returns
        self._statements: dict[type[ast.stmt], Callable[[Any], None]] = {
            ast.Import: self.import_names,
            ast.ImportFrom: self.import_names,
            ast.Assign: self._assign_all,
            ast.AnnAssign: self._assign_annotated,
            ast.AugAssign: self._assign_changed,
            ast.Expr: lambda node: self.evaluate(node.value),
            ast.Return: self._return,
            ast.FunctionDef: self._define,
            ast.If: self._choose,
            ast.For: self._loop,
            ast.While: lambda node: self._run([*node.body, *node.orelse]),
            ast.With: self._enter,
            ast.Try: lambda node: self._run([*node.body, *node.orelse, *node.finalbody]),
        }

    def read(self, text: str, name: str) -> None:
        """Read a script; its functions that are never called are read as if they were called at its end.

        Raises
        ------
        InputError
            It is not Python.
        """
        try:
            tree = ast.parse(text, name)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
            raise InputError(f"{name}{line} is not Python: {error.args[0]}.") from None
        try:
            self._run(tree.body)
            for function in list(self._functions):
                if function not in self._called:
                    self.call_function(function, [], {})
        except RecursionError:
            raise InputError(f"{name} has expressions that are nested too deeply.") from None

    def has_function(self, name: str) -> bool:
        """Return False when the script defines no such function."""
        return name in self._functions

    def call_function(self, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        """Return what a function of the script returns; NotImplemented if it is not known."""
        function = self._functions[name]
        self._called.add(name)
        self._calls_left -= 1
        if len(self._returned) >= _DEEPEST or self._calls_left < 0:
            return NotImplemented
        with self._entering():
            self.names |= self._bind(function, arguments, keywords)
            self._run(function.body)
            value = self._returned[-1]
        return NotImplemented if value is None else value

    def _run(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            if self._returned and self._returned[-1] is not None:
                return
            if execute := self._statements.get(type(statement)):
                execute(statement)

    def _assign_all(self, node: ast.Assign) -> None:
        value = self.evaluate(node.value)
        for target in node.targets:
            self._assign(target, value)

    def _assign_annotated(self, node: ast.AnnAssign) -> None:
        if node.value:
            self._assign(node.target, self.evaluate(node.value))

    def _assign_changed(self, node: ast.AugAssign) -> None:
        changed = ast.BinOp(node.target, node.op, node.value)
        self._assign(node.target, self.evaluate(ast.copy_location(changed, node)))

    def _return(self, node: ast.Return) -> None:
        if self._returned:
            self._returned[-1] = self.evaluate(node.value) if node.value else Unknown("None", node.lineno)

    def _define(self, node: ast.FunctionDef) -> None:
        self._functions[node.name] = node
        self.names.pop(node.name, None)

    def _loop(self, node: ast.For) -> None:
        self.evaluate(node.iter)
        self._assign(node.target, Unknown(ast.unparse(node.target), node.lineno))
        self._run([*node.body, *node.orelse])

    def _enter(self, node: ast.With) -> None:
        for item in node.items:
            value = self.evaluate(item.context_expr)
            if item.optional_vars:
                self._assign(item.optional_vars, value)
        self._run(node.body)

    def _assign(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Name):
            self.names[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            is_fitting = isinstance(value, list) and len(value) == len(target.elts)
            for place, one in enumerate(target.elts):
                self._assign(one, value[place] if is_fitting else Unknown(ast.unparse(one), one.lineno))
        elif isinstance(target, ast.Subscript):
            container, key = self.evaluate(target.value), self.evaluate(target.slice)
            if isinstance(container, dict) and isinstance(key, str | int):
                container[key] = value

    def _choose(self, node: ast.If) -> None:
        """Read the branch of a known condition, otherwise both; a name with two values is then unknown."""
        condition = self.evaluate(node.test)
        if not isinstance(condition, Unknown | Call):
            self._run(node.body if condition else node.orelse)
            return
        before = dict(self.names)
        self._run(node.body)
        after, self.names = self.names, before
        self._run(node.orelse)
        for name in after.keys() | self.names.keys():
            one, other = after.get(name), self.names.get(name)
            if one is None or other is None:
                self.names[name] = other if one is None else one
            elif one is not other and one != other:
                text = f"{name}, which depends on the condition in line {node.lineno}"
                self.names[name] = Unknown(text, node.lineno)

    def _bind(self, function: ast.FunctionDef, arguments: list[Any], keywords: dict[str, Any]) -> dict[str, Any]:
        given = function.args
        names = [one.arg for one in (*given.posonlyargs, *given.args)]
        defaults = dict(zip(names[len(names) - len(given.defaults) :], given.defaults, strict=True))
        defaults |= {one.arg: value for one, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value}
        every = (*names, *(one.arg for one in given.kwonlyargs))
        bound: dict[str, Any] = {name: Unknown(name, function.lineno) for name in every}
        bound |= {name: self.evaluate(value) for name, value in defaults.items()}
        bound |= dict(zip(names, arguments, strict=False))
        return bound | {name: value for name, value in keywords.items() if name in bound}

    @contextmanager
    def _entering(self) -> Iterator[None]:
        """Give a function names of its own."""
        outer, self.names = self.names, dict(self.names)
        self._returned.append(None)
        try:
            yield
        finally:
            self.names = outer
            self._returned.pop()
