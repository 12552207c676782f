"""Walks the statements of a script: assignments, branches and functions, as far as they are known without a run."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sagebuild.errors import InputError
from sagebuild.project.sdk_code.evaluator import Evaluator
from sagebuild.project.sdk_code.values import Call, Class, Instance, Unknown, mark_unknown

Function = ast.FunctionDef | ast.AsyncFunctionDef

_DEEPEST = 20  # calls of the script's functions inside each other
_MOST_CALLS = 1000  # of the script's functions; one that calls itself has no end


class Reader(Evaluator):
    """Reads the statements of one script. Of an `if` whose condition is not known, both branches are read."""

    def __init__(self) -> None:
        super().__init__()
        self._functions: dict[str, Function] = {}
        self._classes: list[Class] = []
        self._called: set[Function] = set()
        self._calls_left = _MOST_CALLS
        self._returned: list[Any] = []  # of each function that is being read; None until it returns
        self._maybe: list[list[Any]] = []  # what it may have returned before, in branches
        self._statements: dict[type[ast.stmt], Callable[[Any], None]] = {
            ast.Import: self.import_names,
            ast.ImportFrom: self.import_names,
            ast.Assign: self._assign_all,
            ast.AnnAssign: self._assign_annotated,
            ast.AugAssign: self._assign_changed,
            ast.Expr: lambda node: self.evaluate(node.value),
            ast.Return: self._return,
            ast.Delete: self._delete,
            ast.FunctionDef: self._define,
            ast.AsyncFunctionDef: self._define,
            ast.ClassDef: self._define_class,
            ast.If: self._choose,
            ast.Match: self._match,
            ast.For: self._loop,
            ast.AsyncFor: self._loop,
            ast.While: self._repeat,
            ast.With: self._enter,
            ast.AsyncWith: self._enter,
            ast.Try: self._try,
            ast.TryStar: self._try,
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
            for function in list(self._functions.values()):
                if function not in self._called:
                    self._execute(function, [], {})
            for kind in self._classes:
                self._call_rest(kind)
        except RecursionError:
            raise InputError(f"{name} has expressions that are nested too deeply.") from None

    def has_function(self, name: str) -> bool:
        """Return False when the script defines no such function."""
        return name in self._functions

    def call_function(self, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        """Return what a function of the script returns; NotImplemented if it is not known."""
        return self._execute(self._functions[name], arguments, keywords)

    def create(self, kind: Class, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        """Return a new object of a class of the script."""
        created = Instance(kind.text, kind.line, kind, dict(kind.attributes))
        if "__init__" in kind.methods:
            self._execute(kind.methods["__init__"], [created, *arguments], keywords)
        else:
            created.attributes.update(zip(kind.fields, arguments, strict=False))
            created.attributes.update(keywords)
        return created

    def call_method(self, owner: Instance | Class, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        """Return what a method of a class of the script returns; NotImplemented if it is not known."""
        kind = owner.kind if isinstance(owner, Instance) else owner
        function = kind.methods.get(name) if kind else None
        if function is None:
            return NotImplemented
        is_static = "staticmethod" in _list_decorators(function)
        return self._execute(function, arguments if is_static else [owner, *arguments], keywords)

    def read_attribute(self, owner: Instance | Class, name: str) -> Any:
        """Return an attribute of an object of the script; NotImplemented if it is not known."""
        kind = owner.kind if isinstance(owner, Instance) else None
        if kind and name in kind.methods and "property" in _list_decorators(kind.methods[name]):
            return self.call_method(owner, name, [], {})
        return owner.attributes.get(name, NotImplemented)

    def _execute(self, function: Function, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        self._called.add(function)
        self._calls_left -= 1
        if len(self._returned) >= _DEEPEST or self._calls_left < 0:
            return NotImplemented
        with self._entering():
            self.names |= self._bind(function, arguments, keywords)
            self._run(function.body)
            value, others = self._returned[-1], self._maybe[-1]
            if any(other is not value and other != value for other in others):
                value = Unknown(f"{function.name}()", function.lineno)
        return NotImplemented if value is None else value

    def _call_rest(self, kind: Class) -> None:
        """Read the methods of a class that nothing calls."""
        rest = [name for name, function in kind.methods.items() if function not in self._called]
        if rest:
            owner = self.create(kind, [], {})
            for name in rest:
                if kind.methods[name] not in self._called:
                    self.call_method(owner, name, [], {})

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

    def _define(self, node: Function) -> None:
        self._functions[node.name] = node
        self.names.pop(node.name, None)

    def _define_class(self, node: ast.ClassDef) -> None:
        dotted = next(filter(None, (self.find_dotted(base) for base in node.bases)), "")
        if dotted:  # a class of the SDK with other methods
            self.calls.append(Call("class", node.lineno, f"class {node.name}({ast.unparse(node.bases[0])})"))
            self.name_module(node.name, dotted)
            return
        outer, methods = dict(self.names), {}
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                methods[statement.name] = statement
            else:
                self._run([statement])
        own = {name: value for name, value in self.names.items() if name not in outer or outer[name] is not value}
        annotated = [one.target for one in node.body if isinstance(one, ast.AnnAssign)]
        fields = tuple(target.id for target in annotated if isinstance(target, ast.Name))
        kind = Class(node.name, node.lineno, methods, own, fields)
        self.names = outer | {node.name: kind}
        self._classes.append(kind)

    def _loop(self, node: ast.For | ast.AsyncFor) -> None:
        self.evaluate(node.iter)
        self._assign(node.target, Unknown(ast.unparse(node.target), node.lineno))
        self._repeat(node)

    def _repeat(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        outer, self.loop = self.loop, self.loop or node.lineno
        self._run(node.body)
        self.loop = outer
        self._run(node.orelse)

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        self._run([*node.body, *node.orelse])
        for handler in node.handlers:
            self._branch([[], handler.body], handler.lineno)
        self._run(node.finalbody)

    def _match(self, node: ast.Match) -> None:
        self.evaluate(node.subject)
        self._branch([case.body for case in node.cases], node.lineno)

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.names.pop(target.id, None)
            elif isinstance(target, ast.Subscript):
                container, key = self.evaluate(target.value), self.evaluate(target.slice)
                if isinstance(container, dict) and isinstance(key, str | int) and not self.depends_on:
                    container.pop(key, None)
                elif isinstance(container, dict | list):
                    mark_unknown(container, Unknown(ast.unparse(node), node.lineno))

    def _enter(self, node: ast.With | ast.AsyncWith) -> None:
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
            self._set_entry(target, value)
        elif isinstance(target, ast.Attribute):
            owner = self.evaluate(target.value)
            if isinstance(owner, Instance | Class):
                owner.attributes[target.attr] = value
            elif isinstance(owner, Call):
                self._note_change(owner, target)

    def _set_entry(self, target: ast.Subscript, value: Any) -> None:
        container, key = self.evaluate(target.value), self.evaluate(target.slice)
        if self.depends_on:
            value = Unknown(f"{ast.unparse(target)}, which depends on line {self.depends_on}", target.lineno)
        if isinstance(container, dict) and isinstance(key, str | int):
            container[key] = value
        elif isinstance(container, dict | list):
            mark_unknown(container, Unknown(ast.unparse(target), target.lineno))
        elif isinstance(target.value, ast.Attribute):
            owner = self.evaluate(target.value.value)
            if isinstance(owner, Call):
                self._note_change(owner, target)

    def _note_change(self, owner: Call, target: ast.expr) -> None:
        """Note that the script changes an object of the SDK."""
        owner.calls.append(Call("attribute", target.lineno, f"{ast.unparse(target)} = ...", owner))

    def _choose(self, node: ast.If) -> None:
        """Read the branch of a known condition, otherwise both."""
        condition = self.evaluate(node.test)
        if isinstance(condition, Unknown | Call):
            self._branch([node.body, node.orelse], node.lineno)
        else:
            self._run(node.body if condition else node.orelse)

    def _branch(self, bodies: list[list[ast.stmt]], line: int) -> None:
        """Read all branches of an unknown condition; a name with two values is then unknown, and so is a result."""
        outer, self.depends_on = self.depends_on, line
        before, ends, results = self.names, [], []
        for body in bodies:
            self.names = dict(before)
            self._run(body)
            ends.append(self.names)
            if self._returned:
                results.append(self._returned[-1])
                self._returned[-1] = None
        self.depends_on = outer
        self.names = {name: _merge(name, ends, line) for end in ends for name in end}
        if results:
            self._maybe[-1] += [one for one in results if one is not None]
            if None not in results:  # no branch goes on
                self._returned[-1] = results[0]

    def _bind(self, function: Function, arguments: list[Any], keywords: dict[str, Any]) -> dict[str, Any]:
        given = function.args
        names = [one.arg for one in (*given.posonlyargs, *given.args)]
        defaults = dict(zip(names[len(names) - len(given.defaults) :], given.defaults, strict=True))
        defaults |= {one.arg: value for one, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value}
        every = (*names, *(one.arg for one in given.kwonlyargs))
        bound: dict[str, Any] = {name: Unknown(name, function.lineno) for name in every}
        bound |= {name: self.evaluate(value) for name, value in defaults.items()}
        bound |= dict(zip(names, arguments, strict=False))
        bound |= {name: value for name, value in keywords.items() if name in bound}
        if given.kwarg and (arguments or keywords):
            bound[given.kwarg.arg] = {name: value for name, value in keywords.items() if name not in every}
        return bound

    @contextmanager
    def _entering(self) -> Iterator[None]:
        """Give a function names of its own."""
        outer, self.names = self.names, dict(self.names)
        self._returned.append(None)
        self._maybe.append([])
        try:
            yield
        finally:
            self.names = outer
            self._returned.pop()
            self._maybe.pop()


def _merge(name: str, ends: list[dict[str, Any]], line: int) -> Any:
    """Return the value of a name after branches; unknown if they differ."""
    values = [end[name] for end in ends if end.get(name) is not None]
    if any(value is not values[0] and value != values[0] for value in values):
        return Unknown(f"{name}, which depends on the condition in line {line}", line)
    return values[0] if values else None


def _list_decorators(function: Function) -> list[str]:
    return [ast.unparse(one) for one in function.decorator_list]
