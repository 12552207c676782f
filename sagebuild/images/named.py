"""Finds an image of the SageMaker SDK's tables by its name, such as sagemaker:sagemaker-tritonserver/26.05.

The form is ``sagemaker:TABLE/VERSION``, with ``/PYTHON`` if a version has images for several Pythons. The region, the
instance type and the use of the image choose the rest of the address.
"""

from __future__ import annotations

from sagebuild.errors import ImageNotFoundError
from sagebuild.images.table import Row, Scope, list_names, name_registry, read_named_tables, read_numbers
from sagebuild.instance_facts import processor_of

PREFIX = "sagemaker:"


def is_named(image: str | None) -> bool:
    """Return False when an image is given by its address, or not at all."""
    return bool(image) and str(image).startswith(PREFIX)


def resolve_named(image: str, region: str, instance_type: str, scope: Scope) -> str:
    """Return the address of an image that is given by its name.

    Raises
    ------
    ImageNotFoundError
        There is no such image; the message lists the available ones.
    """
    table, _, rest = image.removeprefix(PREFIX).partition("/")
    version, _, python = rest.partition("/")
    tables = read_named_tables()
    if table not in tables:
        raise ImageNotFoundError(
            f"{image} names no image of AWS. The images of frameworks and algorithms need no name: give framework. The "
            f"others are {list_names(tables)}."
        )
    rows = [row for row in tables[table] if row["scope"] == scope]
    if not rows:
        raise ImageNotFoundError(f"{table} has no {scope} image.")
    fitting = [row for row in rows if version in row["versions"]]
    if not fitting:
        known = list_names({name for row in rows for name in row["versions"]})
        raise ImageNotFoundError(
            f"{table} has no {scope} image of version {version or '(none given)'}; available: {known}."
        )
    row = _choose_python(fitting, python, f"{table} {version} has no {scope} image")
    processor = processor_of(instance_type)
    if processor not in row["images"]:
        known = list_names(row["images"])
        raise ImageNotFoundError(
            f"{table} {version} has no {scope} image for {instance_type}, a {processor} instance; available for "
            f"{known} instances."
        )
    return f"{name_registry(row, region, f'{table} {version}')}/{row['images'][processor]}"


def find_newest(table: str) -> str:
    """Return the newest version of a table that has an image for inference."""
    rows = [row for row in read_named_tables()[table] if row["scope"] == "inference"]
    return max((str(row["versions"][0]) for row in rows), key=read_numbers)


def _choose_python(rows: list[Row], python: str, sentence: str) -> Row:
    offered = {row.get("python", ""): row for row in rows}
    if python in offered:
        return offered[python]
    if len(offered) == 1 and not python:
        return rows[0]
    known = list_names(name for name in offered if name) or "none, so leave out the Python"
    raise ImageNotFoundError(f"{sentence} for Python {python or '(none given)'}; available: {known}.")
