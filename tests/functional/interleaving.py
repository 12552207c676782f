"""Runs callers of AWS side by side, one call at a time, in every order."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

# What a caller does before each of its calls.
Gate = Callable[[], None]
Caller = Callable[[Gate], object]


class DiedError(BaseException):
    """The function died here; no error handler catches it."""


class Gated:
    """A client whose calls pass one gate before they are made, and another one after their answer."""

    def __init__(self, client: Any, gate: Gate, answered: Gate = lambda: None) -> None:
        self._client = client
        self._gate = gate
        self._answered = answered

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._client, name)
        if name == "exceptions":
            return value

        def call(*positional: Any, **arguments: Any) -> Any:
            self._gate()
            answer = value(*positional, **arguments)
            self._answered()
            return answer

        return call


def run_in_order(callers: Sequence[Caller], order: Sequence[int]) -> list[list[int]]:
    """Run the callers in an order of calls; after that, each runs to its end.

    Parameters
    ----------
    order
        Whose turn it is, by position in ``callers``.

    Returns
    -------
    list of list
        At each turn, who could have had it.
    """
    turns = [threading.Semaphore(0) for _ in callers]
    waits = [threading.Event() for _ in callers]
    ended: set[int] = set()
    errors: list[BaseException] = []

    def run(position: int) -> None:
        def gate() -> None:
            waits[position].set()
            turns[position].acquire()

        try:
            callers[position](gate)
        except BaseException as error:
            errors.append(error)
        finally:
            ended.add(position)
            waits[position].set()

    threads = [threading.Thread(target=run, args=(position,), daemon=True) for position in range(len(callers))]
    for thread in threads:
        thread.start()
    choices: list[list[int]] = []
    turn = 0
    while True:
        for event in waits:
            assert event.wait(20), "a caller hangs"
        able = [position for position in range(len(callers)) if position not in ended]
        if not able:
            break
        turn = order[len(choices)] if len(choices) < len(order) else _go_on(turn, able)
        choices.append(able)
        waits[turn].clear()
        turns[turn].release()
    if errors:
        raise errors[0]
    return choices


def _go_on(turn: int, able: Sequence[int]) -> int:
    return turn if turn in able else able[0]


def every_order(run: Callable[[Sequence[int]], list[list[int]]], interruptions: int = 2) -> int:
    """Call with each order of calls with at most so many interruptions; return the number of orders.

    Every race between two callers that was ever met needs two interruptions or fewer: one between a look and the deed
    that it led to, and one back.
    """
    ahead: list[tuple[list[int], int]] = [([], 0)]
    count = 0
    while ahead:
        order, interrupted = ahead.pop()
        choices = run(order)
        count += 1
        made = list(order)
        for able in choices[len(order) :]:
            made.append(_go_on(made[-1] if made else 0, able))
        for turn in range(len(order), len(choices)):
            forced = turn == 0 or made[turn - 1] not in choices[turn]
            if forced or interrupted < interruptions:
                others = [other for other in choices[turn] if other != made[turn]]
                ahead += [([*made[:turn], other], interrupted + (not forced)) for other in others]
    return count
