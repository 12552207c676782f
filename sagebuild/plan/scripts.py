"""Reads a Python script without running it: the channels and arguments that it expects, and what it defines.

The script may work all the same, so all findings but a missing model_fn are notes. Names and values that the script
computes are unknown here.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

# https://github.com/aws/sagemaker-training-toolkit, environment.py and mapping.py: the variables and paths of a channel
# and of a hyperparameter, and the form of an argument.
_CHANNEL_VARIABLE = re.compile(r"SM_CHANNEL_(?P<name>.+)")
_HYPERPARAMETER_VARIABLE = re.compile(r"SM_HP_(?P<name>.+)")
_CHANNEL_PATH = re.compile(r"/opt/ml/input/data/(?P<name>[A-Za-z0-9._-]+)")
_FLAGS = ("store_true", "store_false", "store_const", "append_const", "count", "help", "version")


class ScriptUnreadableError(Exception):
    """The script was not examined; the message gives the reason."""


@dataclass(frozen=True)
class Argument:
    """One argument of argparse: its names with their hyphens, and whether it is required and takes a value."""

    names: tuple[str, ...]
    is_required: bool
    takes_value: bool

    def accepts(self, option: str) -> bool:
        """Return True when argparse takes the option for this argument; it accepts the beginning of a long name."""
        return option in self.names or (len(option) > 2 and any(name.startswith(option) for name in self.names))


@dataclass(frozen=True)
class Script:
    """The facts of a script.

    Parameters
    ----------
    variables
        The environment variables that the script reads and for which it has no default.
    channel_paths
        The channels whose folders the script names.
    arguments
        The arguments that it defines with argparse.
    refuses_others
        Whether the script ends with an error for any other argument.
    names
        The names that the module defines; None if an import with * may define any.
    """

    variables: frozenset[str]
    channel_paths: frozenset[str]
    arguments: tuple[Argument, ...] = ()
    refuses_others: bool = False
    names: frozenset[str] | None = field(default_factory=frozenset)


def read_script(content: bytes) -> Script:
    """Read a script.

    Raises
    ------
    ScriptUnreadableError
        It is not Python 3.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(content)
    except SyntaxError as error:
        raise ScriptUnreadableError(f"it is not valid Python 3: {error.msg} in line {error.lineno}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ScriptUnreadableError(f"it is not valid Python 3: {error}") from None
    nodes = list(ast.walk(tree))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return Script(
        variables=frozenset(_find_variables(nodes)) - frozenset(_find_tested_names(nodes)),
        channel_paths=frozenset(match["name"] for text in texts if (match := _CHANNEL_PATH.match(text))),
        arguments=tuple(argument for call in calls if (argument := _read_argument(call))),
        refuses_others=_refuses_other_arguments(calls),
        names=_find_names(tree),
    )


def find_script_notes(
    path: str, script: Script, channels: Collection[str], hyperparameters: Collection[str]
) -> Iterator[str]:
    """Yield a sentence for each channel and argument that a training script expects and will not get, or will refuse.

    Parameters
    ----------
    path
        The script's path in the archive.
    hyperparameters
        The names of the hyperparameters that the container passes to the script, without the container's own.
    """
    given = ", ".join(sorted(channels)) or "none"
    upper = {channel.upper() for channel in channels}
    wanted = {match["name"]: match[0] for name in script.variables if (match := _CHANNEL_VARIABLE.fullmatch(name))}
    for name, variable in sorted(wanted.items()):
        if name not in upper:
            yield (
                f"{path} reads {variable}, and the training has no channel {name.lower()} (its channels: {given}); "
                "name the channel so in channels, or read another variable."
            )
    for name in sorted(script.channel_paths - set(channels) - {name.lower() for name in wanted}):
        if re.sub(r"_[0-9]+$", "", name) not in channels:  # the name of a pipe ends in the number of its epoch
            yield f"{path} reads /opt/ml/input/data/{name}, and the training has no channel {name} (its: {given})."
    yield from _find_argument_notes(path, script, hyperparameters)


def _find_argument_notes(path: str, script: Script, hyperparameters: Collection[str]) -> Iterator[str]:
    options = {name: f"--{name}" if len(name) > 1 else f"-{name}" for name in hyperparameters}
    for argument in script.arguments:
        if argument.is_required and not any(argument.accepts(option) for option in options.values()):
            yield f"{path} requires the argument {argument.names[0]}, which hyperparameters does not have."
    for name, option in sorted(options.items()):
        accepting = [argument for argument in script.arguments if argument.accepts(option)]
        if not accepting and script.refuses_others:
            yield f"{path} refuses the argument {option}, which the training passes; {_advise(name, script)}."
        elif accepting and not accepting[0].takes_value:
            yield f"{path} takes {option} without a value, and the training passes hyperparameters.{name} with one."
    upper = {name.upper() for name in hyperparameters}
    for variable in sorted(script.variables):
        match = _HYPERPARAMETER_VARIABLE.fullmatch(variable)
        if match and match["name"] not in upper:
            yield f"{path} reads {variable}, and hyperparameters has no {match['name'].lower()}."


def _advise(name: str, script: Script) -> str:
    similar = {one.lstrip("-"): one for argument in script.arguments for one in argument.names}
    plain = {one.replace("-", "_"): one for one in similar}
    if near := plain.get(name.replace("-", "_")):
        return f"it accepts --{near}, so rename the hyperparameter to {near}"
    if name == "model_dir":
        return "add the argument to the script, or set hyperparameters.model_dir to false"
    return "add the argument to the script, or leave out the hyperparameter"


def _find_variables(nodes: list[ast.AST]) -> Iterator[str]:
    """Yield the names in environ["X"], environ.get("X") and getenv("X"), unless a default other than None is given."""
    for node in nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            yield from _texts_of(node.slice)
        elif isinstance(node, ast.Call) and _name_of(node.func) in ("get", "getenv") and node.args:
            others = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
            if all(isinstance(other, ast.Constant) and other.value is None for other in others):
                yield from _texts_of(node.args[0])


def _find_tested_names(nodes: list[ast.AST]) -> Iterator[str]:
    """Yield the names in "X" in environ: the script also works without them."""
    for node in nodes:
        if isinstance(node, ast.Compare) and any(isinstance(each, ast.In | ast.NotIn) for each in node.ops):
            yield from _texts_of(node.left)


def _read_argument(call: ast.Call) -> Argument | None:
    names = tuple(text for each in call.args for text in _texts_of(each) if text.startswith("-"))
    if _name_of(call.func) != "add_argument" or not names:
        return None
    options: Mapping[str | None, object] = {
        keyword.arg: keyword.value.value for keyword in call.keywords if isinstance(keyword.value, ast.Constant)
    }
    return Argument(names, options.get("required") is True, options.get("action") not in _FLAGS)


def _refuses_other_arguments(calls: list[ast.Call]) -> bool:
    """Return False when the script parses known arguments only, or may get arguments that are not in its text."""
    by_name: dict[str, list[ast.Call]] = {}
    for call in calls:
        by_name.setdefault(_name_of(call.func), []).append(call)
    parses = by_name.get("parse_args", [])
    elsewhere = ("parse_known_args", "parse_known_intermixed_args", "add_subparsers")
    if not parses or any(call.args or call.keywords for call in parses) or any(name in by_name for name in elsewhere):
        return False
    parsers = by_name.get("ArgumentParser", [])
    if not parsers or any(keyword.arg in ("parents", None) for parser in parsers for keyword in parser.keywords):
        return False
    named = all(any(_texts_of(each)) for call in by_name.get("add_argument", []) for each in call.args[:1])
    return named and not _pass_on_parser(calls)


def _pass_on_parser(calls: list[ast.Call]) -> bool:
    """Return True when a call gets a parser as an argument, and may add arguments to it."""
    return any(isinstance(each, ast.Name) and "pars" in each.id.lower() for call in calls for each in call.args)


def _find_names(tree: ast.Module) -> frozenset[str] | None:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            if any(alias.name == "*" for alias in node.names):
                return None
            names |= {alias.asname or alias.name for alias in node.names}
    return frozenset(names)


def _name_of(function: ast.expr) -> str:
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def _texts_of(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
