"""Finds what an image of AWS is: the inverse of `table`, which finds the image of a framework or algorithm."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from sagebuild.errors import ImageNotFoundError
from sagebuild.images.table import SCOPES, Row, Scope, list_rows, read_accounts, resolve_image

# One instance type of each kind of processor; p4d has images of its own.
_ANY_INSTANCE = ("ml.m5.large", "ml.g5.xlarge", "ml.c7g.large", "ml.p4d.24xlarge", "ml.inf2.xlarge", "ml.trn1.2xlarge")
_ADDRESS = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+/(?P<repository>[^:@]+)(:(?P<tag>[^@]+))?(@.+)?"
)


class Identity(NamedTuple):
    """What an image is.

    Parameters
    ----------
    version, python, base
        As parameters of a document name them; None where the image's tag does not contain them.
    is_in_table
        Whether the table has the image. Otherwise only its repository is known: AWS publishes more tags there.
    fits
        Whether a build chooses exactly this image for the instance type.
    """

    framework: str
    algorithm: str | None
    version: str | None
    python: str | None
    base: str | None
    is_in_table: bool
    fits: bool


def identify_image(uri: str, instance_type: str, scope: Scope) -> list[Identity]:
    """Return what an image may be, the most exact first; empty for an image that is not in AWS's repositories.

    An image of XGBoost can be the framework, which runs a script, or the built-in algorithm.
    """
    address = _ADDRESS.fullmatch(uri)
    if not address:
        return []
    found: dict[tuple[str, str | None], Identity] = {}
    for framework, algorithm, row in list_rows():
        account = read_accounts(row).get(address["region"])
        if row["repository"] != address["repository"] or account != address["account"]:
            continue
        key = framework, algorithm
        known = found.get(key)
        exact = None if known and known.fits else _look_up(uri, framework, algorithm, row, instance_type, scope)
        if exact and not (known and known.is_in_table and not exact.fits):
            found[key] = exact
        elif key not in found:
            found[key] = _read_tag(framework, algorithm, address["tag"] or "")
    return sorted(found.values(), key=lambda identity: (not identity.fits, not identity.is_in_table))


def _look_up(
    uri: str, framework: str, algorithm: str | None, row: Row, instance_type: str, scope: Scope
) -> Identity | None:
    region, tag = uri.split(".")[3], uri.rpartition(":")[2]
    for kind, choice in product((instance_type, *_ANY_INSTANCE), _list_choices(row, tag)):
        for wanted in (scope, *(other for other in SCOPES if other != scope)):
            try:
                image = resolve_image(
                    framework, *choice[:2], region, kind, wanted, algorithm=algorithm, base_framework=choice[2]
                )
            except ImageNotFoundError:
                continue
            if image.uri == uri:
                return Identity(framework, algorithm, *choice, True, kind == instance_type and wanted == scope)
    return None


def _list_choices(row: Row, tag: str) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield the versions of a row that the tag may mean with every Python and base framework, the longest first."""
    versions = [name for name in row["versions"] if "prefix" in row or tag.startswith(name)]
    pythons = [name for name in row.get("python", [None]) if name is None or name in tag]
    bases = sorted(row.get("base", [None]), key=str, reverse=True)
    yield from product(sorted(versions, key=len, reverse=True), pythons, bases)


def _read_tag(framework: str, algorithm: str | None, tag: str) -> Identity:
    """Read a tag such as 2.1.0-transformers4.36.0-gpu-py310-cu121-ubuntu20.04."""
    leading = re.match(r"\d+(\.\d+)+(-\d+(?=-|$))?", tag)
    python = re.search(r"(?<![a-z0-9])py[23]\d*", tag)
    transformers = re.search(r"transformers(\d+(?:\.\d+)+)", tag)
    version = transformers[1] if transformers else leading and leading[0]
    base = f"pytorch{leading[0]}" if transformers and leading else None
    return Identity(framework, algorithm, version, python[0] if python else None, base, False, False)
