"""A part of a request, from which the conversion takes the members that it converts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sagebuild.errors import InputError
from sagebuild.parameters.shown import show_value


class Source:
    """An object in a request; what is not taken out of it remains for the report.

    Parameters
    ----------
    content
        The object; it shrinks with each member that is taken.
    field
        Its place in the request, such as ``InputDataConfig[0]``; empty for the request itself.
    """

    def __init__(self, content: dict[str, Any], field: str = "") -> None:
        self.content = content
        self.field = field

    def __contains__(self, name: str) -> bool:
        return name in self.content

    def name(self, member: str) -> str:
        """Return the place of a member in the request."""
        return f"{self.field}.{member}" if self.field else member

    def take(self, member: str) -> Any:
        """Remove and return a member; None if it is absent, null or an empty string, as Describe prints some."""
        value = self.content.pop(member, None)
        return None if value == "" else value

    def take_text(self, member: str) -> str:
        """Remove and return a member that must be a string; empty if it is absent.

        Raises
        ------
        InputError
            It is something else.
        """
        value = self.take(member)
        if value is not None and not isinstance(value, str):
            raise InputError(f"{self.name(member)} is {show_value(value)}; it must be a string.")
        return value or ""

    def take_list(self, member: str) -> list[Any]:
        """Remove and return a member that must be an array; empty if it is absent.

        Raises
        ------
        InputError
            It is something else.
        """
        value = self.take(member)
        if value is not None and not isinstance(value, list):
            raise InputError(f"{self.name(member)} is {show_value(value)}; it must be an array.")
        return value or []

    def child(self, member: str) -> Source:
        """Return a member that must be an object; an empty one if it is absent.

        Raises
        ------
        InputError
            It is something else.
        """
        return _as_source(self.content.get(member), self.name(member))

    def children(self, member: str) -> list[Source]:
        """Return the objects of a member that must be an array of objects.

        Raises
        ------
        InputError
            It is something else.
        """
        entries = self.content.get(member) or []
        if not isinstance(entries, list):
            raise InputError(f"{self.name(member)} is {show_value(entries)}; it must be an array.")
        return [_as_source(entry, f"{self.name(member)}[{number}]") for number, entry in enumerate(entries)]

    def take_entries(self) -> Iterator[tuple[str, Any]]:
        """Remove and yield all members with their values."""
        for member in list(self.content):
            yield member, self.content.pop(member)


def _as_source(value: Any, field: str) -> Source:
    if value is not None and not isinstance(value, dict):
        raise InputError(f"{field} is {show_value(value)}; it must be an object.")
    return Source({} if value is None else value, field)
