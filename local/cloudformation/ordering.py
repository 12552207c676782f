"""Works through what depends on one another, several at once."""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter

_AT_ONCE = 8


def in_order(
    needs: Mapping[str, set[str]], work: Callable[[str], None], *, on_failure: Callable[[], None] | None = None
) -> dict[str, BaseException]:
    """Do the work for every name after that for the names it needs; the error of each name that failed.

    At a failure ``on_failure`` is called and nothing more is begun; without it, only what needs the failed name is not.
    """
    order = TopologicalSorter({name: needed & set(needs) for name, needed in needs.items()})
    order.prepare()
    running: dict[Future[None], str] = {}
    failed: dict[str, BaseException] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
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
