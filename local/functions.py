"""Placeholder."""


def install() -> None:
    """Nothing yet."""
