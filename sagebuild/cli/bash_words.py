"""Words of a command line in bash, which splits NAME=VALUE into three words when it asks for completions."""

from __future__ import annotations

from collections.abc import MutableMapping

ASSIGNED = "_SAGEBUILD_ASSIGNED"  # the name before "=", while its value is completed


def join_assignments(environment: MutableMapping[str, str]) -> None:
    """Join the words of each assignment in COMP_WORDS, which typer reads.

    Of the assignment that is being completed, only the value remains, because bash replaces only that; its name goes to
    the variable `ASSIGNED`.
    """
    if environment.get("_SAGEBUILD_COMPLETE") != "complete_bash" or "COMP_WORDS" not in environment:
        return
    given = environment["COMP_WORDS"]
    words, current = given.split("\n" if "\n" in given else None), int(environment["COMP_CWORD"])
    before, word = words[:current], words[current] if current < len(words) else ""
    if word == "=":
        before, word = [*before, "="], ""
    if len(before) > 2 and before[-1] == "=" and not before[-2].startswith("-"):
        environment[ASSIGNED] = before[-2]
        before = before[:-2]
    joined: list[str] = []
    for one in before:
        is_part = joined and not joined[-1].startswith("-") and (one == "=" or joined[-1].endswith("="))
        joined = [*joined[:-1], joined[-1] + one] if is_part else [*joined, one]
    environment["COMP_WORDS"], environment["COMP_CWORD"] = "\n".join([*joined, word]), str(len(joined))
