"""JSONata as in Step Functions: version 2.0.6 without $eval, with six additional functions."""

import hashlib
import json
import math
import random
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from jsonata import Jsonata
from jsonata.jexception import JException
from jsonata.parser import Parser
from jsonata.utils import Utils

_NULL = Utils.NULL_VALUE
_ALGORITHMS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_NEWER_OPERATORS = ("??", "?:")


class QueryError(Exception):
    """The expression is invalid, or its value is not JSON."""


def check(expression: str) -> None:
    """Refuse an expression that the service cannot parse.

    Raises
    ------
    QueryError
        With the position and the reason.
    """
    parser = Parser()
    for operator in _NEWER_OPERATORS:
        del parser.symbol_table[operator]
    try:
        parser.parse(expression)
    except JException as error:
        raise QueryError(error.get_detailed_error_message()) from error
    except KeyError as error:
        raise QueryError(f"JSONata 2.0.6 has no operator {error}") from error


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """The JSON value of an expression.

    Parameters
    ----------
    expression
        Without ``{% %}``.
    variables
        The variables by name, without ``$``.

    Raises
    ------
    QueryError
        When it fails, is undefined or is not JSON; the message completes AWS's sentence about the expression.
    """
    bindings = _FUNCTIONS | {name: _to_jsonata(value) for name, value in variables.items()}
    try:
        program = Jsonata(expression)
        program.set_output_convert_nulls(False)
        result = program.evaluate(None, bindings)
    except JException as error:
        raise QueryError(f"threw an error during evaluation. {error.get_error()}: {error}") from error
    # The evaluator raises Python's errors for a division by zero, an invalid date or a deep recursion.
    except (ArithmeticError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise QueryError(f"threw an error during evaluation. {error}") from error
    if result is None:
        raise QueryError("returned nothing (undefined).")
    return _to_json(result)


def _to_jsonata(value: Any) -> Any:
    # In the evaluator None is undefined, not null.
    if isinstance(value, dict):
        return {key: _to_jsonata(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_to_jsonata(item) for item in value]
    return _NULL if value is None else value


def _to_json(value: Any) -> Any:
    if value is None or value is _NULL:
        return None
    if isinstance(value, dict):
        return {key: _to_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_to_json(item) for item in value]
    if isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise QueryError("returned an unsupported result type.")


def _partition(array: Any, size: Any) -> Any:
    if array is None:
        return None
    items = array if isinstance(array, list) else [array]
    _require(_is_whole(size) and size > 0, "The second argument of the partition function must be a positive integer")
    return [items[start : start + int(size)] for start in range(0, len(items), int(size))]


def _range(first: Any, last: Any, step: Any) -> Any:
    _require(
        all(map(_is_whole, (first, last, step))) and step != 0,
        "The range function takes integers and a step other than 0",
    )
    numbers = list(range(int(first), int(last) + (1 if step > 0 else -1), int(step)))
    # A sequence of JSONata: one value is the same as a list of it.
    return numbers[0] if len(numbers) == 1 else numbers


def _hash(data: Any, algorithm: Any) -> Any:
    if data is None:
        return None
    _require(algorithm in _ALGORITHMS, f"The hash function supports the algorithms {', '.join(_ALGORITHMS)}")
    text = data if isinstance(data, str) else json.dumps(_to_json(data), separators=(",", ":"), ensure_ascii=False)
    return hashlib.new(_ALGORITHMS[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _random(seed: Any = None) -> Any:
    _require(seed is None or _is_whole(seed), "The argument of the random function must be an integer")
    return random.random() if seed is None else random.Random(seed).random()


def _uuid() -> Any:
    return str(uuid.uuid4())


def _parse(text: Any) -> Any:
    if text is None:
        return None
    _require(isinstance(text, str), 'T0410: Argument 1 of function "parse" does not match function signature')
    return _to_jsonata(json.loads(text))


def _eval(*_: Any) -> Any:
    raise QueryError("threw an error during evaluation. The function eval is not supported; use parse")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise QueryError(f"threw an error during evaluation. {message}")


def _function(implementation: Callable[..., Any]) -> Any:
    return Jsonata.JLambda(implementation)


_FUNCTIONS: dict[str, Any] = {
    "partition": _function(_partition),
    "range": _function(_range),
    "hash": _function(_hash),
    "random": _function(_random),
    "uuid": _function(_uuid),
    "parse": _function(_parse),
    "eval": _function(_eval),
}
