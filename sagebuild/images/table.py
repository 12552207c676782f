"""Finds the SageMaker image of a framework or built-in algorithm in images.json, without the SageMaker SDK."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sagebuild.errors import ImageNotFoundError
from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.instance_facts import processor_of
from sagebuild.partitions import find_partition

Scope = Literal["training", "inference"]
SCOPES: tuple[Scope, ...] = ("training", "inference")
Row = dict[str, Any]


class Image(NamedTuple):
    """The URI of a container image, and a note when the image is not exactly the requested one."""

    uri: str
    note: str | None = None


def resolve_image(
    framework: str,
    version: str | None,
    py_version: str | None,
    region: str,
    instance_type: str,
    scope: Scope,
    *,
    algorithm: str | None = None,
    base_framework: str | None = None,
) -> Image:
    """Return SageMaker's image for a framework, a region and an instance type.

    Parameters
    ----------
    framework
        A name in FRAMEWORKS, such as SCIKIT.
    version
        The framework's version as AWS lists it, "1.8" or "1.8.0"; HUGGINGFACE takes the version of transformers.
        None takes the newest version of an algorithm, and otherwise the only one, if there is only one.
    py_version
        "py3", "py37"...; a version with a single Python uses that one, and the note says so.
    region, instance_type
        "eu-west-1"; "ml.m5.large".
    scope
        "training" or "inference".
    algorithm
        AMAZON's algorithm, "kmeans".
    base_framework
        The framework that HUGGINGFACE's transformers run on, "pytorch2.3.0".

    Raises
    ------
    ImageNotFoundError
        There is no such image; the message lists the available ones.
    """
    what, rows = _rows_of(framework, algorithm)
    if algorithm:
        version = version or newest_version(algorithm)
    rows = [row for row in rows if scope in row["scopes"]]
    rows, version = _pick(rows, lambda row: row["versions"], version, f"{what} has no {scope} image of version {{}}")
    what = f"{what} {version}"
    if any("base" in row for row in rows):
        sentence = f"{what} has no {scope} image on base framework {{}}"
        rows, base_framework = _pick(rows, lambda row: row["base"], base_framework, sentence)
    rows, processor = _for_instance(rows, instance_type, f"{what} has no {scope} image for {instance_type}")
    _check_p2(framework, version, instance_type, what)
    row, python, note = _for_python(rows, py_version, what, scope)
    tag = _tag(row, version, processor, python, base_framework)
    if instance_type.startswith("ml.p4d."):
        tag = "-".join(part for part in (tag, _tables()["p4d"].get(f"{framework}:{tag}")) if part)
    return Image(f"{name_registry(row, region, what)}/{row['repository']}:{tag}", note)


def _rows_of(framework: str, algorithm: str | None) -> tuple[str, list[Row]]:
    kind, name = ("algorithms", algorithm) if algorithm else ("frameworks", framework)
    tables = _tables()[kind]
    if name not in tables:
        raise ImageNotFoundError(f"AWS has no images of {name}; it has images of {list_names(tables)}.")
    return str(name), tables[name]


def list_rows() -> Iterator[tuple[str, str | None, Row]]:
    """Yield every row of the table, with its framework, and its algorithm if the framework is AMAZON."""
    for framework, rows in _tables()["frameworks"].items():
        yield from ((framework, None, row) for row in rows)
    for algorithm, rows in _tables()["algorithms"].items():
        yield from (("AMAZON", algorithm, row) for row in rows)


def read_named_tables() -> dict[str, list[Row]]:
    """Return the SDK's tables that belong to no framework and no algorithm, by their names."""
    tables: dict[str, list[Row]] = _tables()["named"]
    return tables


def read_accounts(row: Row) -> dict[str, str]:
    """Return the AWS accounts of a row's repository, by region."""
    accounts: dict[str, str] = _tables()["registries"][row["registry"]]
    return accounts


def list_versions(framework: str, algorithm: str | None = None) -> list[str]:
    """Return the versions with images, newest first.

    Raises
    ------
    ImageNotFoundError
        There are no images of the framework or algorithm.
    """
    _, rows = _rows_of(framework, algorithm)
    return sorted({str(name) for row in rows for name in row["versions"]}, key=_natural, reverse=True)


def newest_version(algorithm: str) -> str:
    """Return an algorithm's newest version with images for training and inference."""
    rows = _tables()["algorithms"][algorithm]
    # "latest" is the SDK's name for version 1.
    scopes = ({str(name) for row in rows if scope in row["scopes"] for name in row["versions"]} for scope in SCOPES)
    return max(set.intersection(*scopes) - {"latest"}, key=read_numbers)


def _pick(
    rows: list[Row], names_of: Callable[[Row], Iterable[str]], asked: str | None, sentence: str
) -> tuple[list[Row], str]:
    """Return the rows with the requested name; None requests the only name."""
    names = {name for row in rows for name in names_of(row)}
    if asked is None and len(names) == 1:
        asked = min(names)
    if asked not in names:
        raise ImageNotFoundError(f"{sentence.format(asked or '(none given)')}; available: {list_names(names)}.")
    return [row for row in rows if asked in names_of(row)], asked


def _for_instance(rows: list[Row], instance_type: str, sentence: str) -> tuple[list[Row], str]:
    processor = processor_of(instance_type)
    # A row without processors is one image for all of x86; Trainium and Graviton need their own.
    everywhere = {"cpu": "", "gpu": "", "inf": ""}
    fitting = [row for row in rows if processor in row.get("processors", everywhere)]
    if not fitting:
        kinds = {kind for row in rows for kind in row.get("processors", everywhere)}
        raise ImageNotFoundError(f"{sentence}, a {processor} instance; available for {list_names(kinds)} instances.")
    return fitting, processor


def _check_p2(framework: str, version: str, instance_type: str, what: str) -> None:
    first_without = FRAMEWORKS[framework].first_without_p2
    if first_without and instance_type.startswith("ml.p2.") and read_numbers(version) >= first_without:
        raise ImageNotFoundError(f"{what} has no image for {instance_type}: AWS retired p2; use ml.g4dn or ml.g5.")


def _for_python(rows: list[Row], asked: str | None, what: str, scope: str) -> tuple[Row, str, str | None]:
    offered = sorted({python for row in rows for python in row.get("python", [])})
    if not offered:
        return rows[0], "", None
    note = None
    python = asked
    if python not in offered:
        if len(offered) > 1:
            given = asked or "(none given)"
            raise ImageNotFoundError(
                f"{what} has no {scope} image for Python {given}; available: {list_names(offered)}."
            )
        python = offered[0]
        note = f"{what} has {python} only, so the {scope} image has {python} instead of {asked}." if asked else None
    return next(row for row in rows if python in row["python"]), str(python), note


def _tag(row: Row, version: str, processor: str, python: str, base_framework: str | None) -> str:
    base_version = re.sub(r"^(pytorch|tensorflow)", "", base_framework or "")
    prefix = row.get("prefix", version).format(base_version=base_version)
    parts = (prefix, row.get("processors", {}).get(processor), python, row.get("container", {}).get(processor))
    return "-".join(part for part in parts if part)


def name_registry(row: Row, region: str, what: str) -> str:
    """Return the host of a row's registry in a region.

    Raises
    ------
    ImageNotFoundError
        AWS has no registry there; the message begins with ``what``.
    """
    accounts = read_accounts(row)
    if region not in accounts:
        raise ImageNotFoundError(f"{what} has no image in region {region}; available in {list_names(accounts)}.")
    return f"{accounts[region]}.dkr.ecr.{region}.{find_partition(region).domain}"


def list_names(names: Iterable[str]) -> str:
    """Return names in their natural order, with commas between them."""
    return ", ".join(sorted(names, key=_natural))


def _natural(name: str) -> list[str | int]:
    """Return a sort key by which 1.9 comes before 1.10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def read_numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, by which versions are compared: (1, 7, 1) for 1.7-1."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


@cache
def _tables() -> dict[str, Any]:
    tables: dict[str, Any] = json.loads(Path(__file__).with_name("images.json").read_text(encoding="utf-8"))
    return tables
