"""Runs dependent work in order, with several threads."""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter

_THREADS = 8


def run_in_order(
    needs: Mapping[str, set[str]], work: Callable[[str], None], *, on_failure: Callable[[], None] | None = None
) -> dict[str, BaseException]:
    """Do the work for each name after the work for the names it needs; return the errors by name.

    With ``on_failure``, a failure calls it and starts no more work. Without, only names that need the failed one are
    skipped.
    """
    order = TopologicalSorter({name: needed & set(needs) for name, needed in needs.items()})
    order.prepare()
    running: dict[Future[None], str] = {}
    failed: dict[str, BaseException] = {}
    with ThreadPoolExecutor(_THREADS) as pool:
        while True:
            if not (failed and on_failure):
                running |= {pool.submit(work, name): name for name in order.get_ready()}
            if not running:
                return failed
            for ended in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(ended)
                error = ended.exception()
                if error is None:
                    order.done(name)
                    continue
                failed[name] = error
                if on_failure:
                    on_failure()
