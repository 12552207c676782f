"""Evaluates expressions of a script without running it, and finds the objects of the SageMaker SDK in them."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from sagebuild.project.sdk_code.expressions import READING, call_builtin, change_container, combine, compare, subscript
from sagebuild.project.sdk_code.values import Call, Class, Instance, Unknown, mark_unknown

_MODULES = ("sagemaker", "sagemaker_core", "boto3")
_LONGEST = 60  # characters of a call in the report


class Evaluator(ABC):
    """Evaluates the expressions of one script.

    Parameters
    ----------
    calls
        The objects and calls of functions of the SDK, in the order in which the script makes them.
    names
        The values of the script's names.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.depends_on = 0  # the line of the condition in one of whose branches the statement is; 0 if always executed
        self.loop = 0  # the line of the loop around the statement; 0 outside
        self._modules: dict[str, str] = {}
        self._kinds: dict[type[ast.expr], Callable[[Any], Any]] = {
            ast.Constant: _read_constant,
            ast.Name: lambda node: self.names.get(node.id, NotImplemented),
            ast.JoinedStr: self._join,
            ast.List: self._build_list,
            ast.Tuple: self._build_list,
            ast.Set: self._build_list,
            ast.Dict: self._build_dict,
            ast.BinOp: lambda node: combine(node.op, self.evaluate(node.left), self.evaluate(node.right)),
            ast.UnaryOp: self._negate,
            ast.Compare: self._compare,
            ast.IfExp: self._choose_value,
            ast.Subscript: lambda node: subscript(self.evaluate(node.value), self.evaluate(node.slice)),
            ast.Attribute: self._read_attribute,
            ast.Call: self._call,
            ast.Await: lambda node: self.evaluate(node.value),
            ast.NamedExpr: self._name_value,
        }

    @abstractmethod
    def call_function(self, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        """Return what a function of the script returns; NotImplemented if it is not known."""

    @abstractmethod
    def create(self, kind: Class, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        """Return a new object of a class of the script."""

    @abstractmethod
    def call_method(self, owner: Instance | Class, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        """Return what a method of a class of the script returns; NotImplemented if it is not known."""

    @abstractmethod
    def read_attribute(self, owner: Instance | Class, name: str) -> Any:
        """Return an attribute of an object of the script; NotImplemented if it is not known."""

    @abstractmethod
    def has_function(self, name: str) -> bool:
        """Return False when the script defines no such function."""

    def import_names(self, node: ast.Import | ast.ImportFrom) -> None:
        """Remember the names under which a script imports the SDK."""
        source = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            dotted = f"{source}{alias.name}"
            known = alias.asname or alias.name.partition(".")[0]
            if dotted.partition(".")[0] in _MODULES:
                self._modules[known] = dotted if alias.asname or source else known

    def name_module(self, name: str, dotted: str) -> None:
        """Let a name of the script stand for a class of the SDK."""
        self._modules[name] = dotted

    def evaluate(self, node: ast.expr) -> Any:
        """Return the value of an expression; `Unknown` if only the running program knows it."""
        find = self._kinds.get(type(node))
        value = find(node) if find else NotImplemented
        return Unknown(ast.unparse(node), node.lineno) if value is NotImplemented else value

    def _join(self, node: ast.JoinedStr) -> Any:
        parts = []
        for part in node.values:
            inner = part.value if isinstance(part, ast.FormattedValue) else part
            value = self.evaluate(inner)
            is_plain = not isinstance(part, ast.FormattedValue) or (part.format_spec is None and part.conversion == -1)
            if not is_plain or not isinstance(value, str | int | float):
                return NotImplemented
            parts.append(str(value))
        return "".join(parts)

    def _build_list(self, node: ast.List | ast.Tuple | ast.Set) -> list[Any]:
        return [self.evaluate(one) for one in node.elts]

    def _build_dict(self, node: ast.Dict) -> Any:
        built: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            found = self.evaluate(value)
            if key is None:
                if not isinstance(found, dict):
                    return NotImplemented
                built |= found
            else:
                name = self.evaluate(key)
                built[name if isinstance(name, str | int | float | Unknown) else str(name)] = found
        return built

    def _name_value(self, node: ast.NamedExpr) -> Any:
        value = self.names[node.target.id] = self.evaluate(node.value)
        return value

    def _negate(self, node: ast.UnaryOp) -> Any:
        value = self.evaluate(node.operand)
        if isinstance(node.op, ast.USub) and isinstance(value, int | float):
            return -value
        is_known = isinstance(node.op, ast.Not) and not isinstance(value, Unknown | Call)
        return not value if is_known else NotImplemented

    def _compare(self, node: ast.Compare) -> Any:
        if len(node.ops) > 1:
            return NotImplemented
        return compare(node.ops[0], self.evaluate(node.left), self.evaluate(node.comparators[0]))

    def _choose_value(self, node: ast.IfExp) -> Any:
        condition = self.evaluate(node.test)
        if isinstance(condition, Unknown | Call):
            return NotImplemented
        return self.evaluate(node.body if condition else node.orelse)

    def _read_attribute(self, node: ast.Attribute) -> Any:
        owner = self.evaluate(node.value)  # it may contain calls
        if isinstance(owner, Instance | Class):
            return self.read_attribute(owner, node.attr)
        return NotImplemented

    def _call(self, node: ast.Call) -> Any:
        call = self._read_call(node)
        dotted = self.find_dotted(node.func)
        if dotted:
            call.name = dotted.rpartition(".")[2]
            self.calls.append(call)
            return call
        if isinstance(node.func, ast.Name) and isinstance(kind := self.names.get(node.func.id), Class):
            return self.create(kind, call.arguments, call.keywords)
        if isinstance(node.func, ast.Name) and node.func.id not in self.names and self.has_function(node.func.id):
            return self.call_function(node.func.id, call.arguments, call.keywords)
        owner = self.evaluate(node.func.value) if isinstance(node.func, ast.Attribute) else None
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if isinstance(owner, Instance | Class):
            return self.call_method(owner, method, call.arguments, call.keywords)
        if isinstance(owner, Call):
            call.owner, call.name = owner, method
            owner.calls.append(call)
            return owner if method.startswith("with_") else call  # sdk 3: with_...() returns the object itself
        if isinstance(owner, dict | list) and method not in READING:
            return self._change(owner, method, call, node)
        return call_builtin(ast.unparse(node.func), owner, method, call.arguments, call.keywords)

    def _change(self, owner: dict[Any, Any] | list[Any], method: str, call: Call, node: ast.Call) -> Any:
        """Change a dict or list as a method does; if its effect is not known, so is a part of the dict or list."""
        unknown = Unknown(ast.unparse(node), node.lineno)
        if self.depends_on:  # the change may not happen
            mark_unknown(owner, Unknown(f"{unknown.text}, which depends on line {self.depends_on}", node.lineno))
            return NotImplemented
        result = change_container(owner, method, call.arguments, call.keywords)
        if result is NotImplemented:
            mark_unknown(owner, unknown)
        return result

    def _read_call(self, node: ast.Call) -> Call:
        text = ast.unparse(node.func)
        # The line of the method's name in a chain of calls over several lines.
        call = Call(
            "",
            node.func.end_lineno or node.lineno,
            f"{text}()" if len(text) <= _LONGEST else f"...{text[-_LONGEST:]}()",
            loop=self.loop,
        )
        for place, argument in enumerate(node.args):
            call.arguments.append(self.evaluate(argument))
            call.lines[place] = argument.lineno
        for keyword in node.keywords:
            value = self.evaluate(keyword.value)
            if keyword.arg is None:
                entries = value if isinstance(value, dict) else {f"**{ast.unparse(keyword.value)}": value}
            else:
                entries = {keyword.arg: value}
            call.keywords |= entries
            call.lines |= dict.fromkeys(entries, keyword.value.lineno)
        return call

    def find_dotted(self, node: ast.expr) -> str:
        """Return the full name of a function or class of the SDK; empty for anything else."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id in self.names:
            return ""
        module = self._modules.get(node.id)
        return ".".join([module, *reversed(parts)]) if module else ""


def _read_constant(node: ast.Constant) -> Any:
    return node.value if node.value is None or isinstance(node.value, str | int | float) else NotImplemented
