"""A plugin of pytest for ``make mutants``: the fastest tests of a change run first, as one that fails is enough."""

import pytest

# Only `make mutants` installs it.
from mutmut.state import state  # type: ignore[import-not-found,unused-ignore]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests by the time that each took without a change."""
    items.sort(key=lambda item: state().duration_by_test.get(item.nodeid, 0.0))
