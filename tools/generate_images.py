"""Writes sagebuild/images/images.json: the SageMaker SDK's image tables, compact enough for a Lambda.

Run `make images` after the pinned `sagemaker-core` changes.

A row stands for images that differ only by version: {versions, scopes, repository, registry, python?, processors?,
container?, base?, prefix?}. `processors` maps what an instance has to its name in the tag, `registry` is an index into
`registries` (region -> AWS account), and a row without `python` or `processors` has none in its tag.
"""

import contextlib
import functools
import inspect
import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

from sagemaker.core import image_uris
from sagemaker.core.common_utils import _botocore_resolver

from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.parameters.frameworks import Algorithm
from tools.generate_named_images import find_rows, list_tables

TARGET = Path(__file__).parent.parent / "sagebuild" / "images" / "images.json"
SCOPES = ("training", "inference")
IMAGES = {name: facts.images for name, facts in FRAMEWORKS.items() if facts.images}
XGBOOST = "xgboost"  # the algorithm has the framework's images, which run as an algorithm without a script
ALGORITHMS = tuple(name for name in get_args(Algorithm) if name != XGBOOST)
Json = dict[str, Any]


def prepare_sdk() -> None:
    """Make the SDK read each of its files once, and log errors only."""
    logging.getLogger("sagemaker").setLevel(logging.ERROR)
    image_uris.utils._botocore_resolver = functools.cache(_botocore_resolver)
    image_uris.config_for_framework = functools.cache(image_uris.config_for_framework)
    # The wrapper warns of pipeline variables. It reads the signature at every call, which takes longer than the answer.
    image_uris.retrieve = inspect.unwrap(image_uris.retrieve)


def build_tables() -> Json:
    """Return the whole content of images.json."""
    registries: list[dict[str, str]] = []
    frameworks = {name: _compact(list(_framework_rows(sdk_name)), registries) for name, sdk_name in IMAGES.items()}
    algorithms = {name: _compact(list(_algorithm_rows(name)), registries) for name in ALGORITHMS}
    algorithms[XGBOOST] = _compact(list(_framework_rows(XGBOOST)), registries)
    return {
        "frameworks": frameworks,
        "algorithms": dict(sorted(algorithms.items())),
        "named": {name: rows for name in _list_unnamed() if (rows := _number_registries(find_rows(name), registries))},
        "p4d": dict(_p4d_suffixes(frameworks)),
        "registries": registries,
    }


def _list_unnamed() -> list[str]:
    """Return the SDK's tables that belong to no framework and no algorithm."""
    return [name for name in list_tables() if name not in {*IMAGES.values(), *ALGORITHMS, XGBOOST}]


def _framework_rows(name: str) -> Iterator[Json]:
    """Yield a framework's rows; its Graviton and Neuron tables become processors of their scope."""
    config = image_uris.config_for_framework(name)
    for scope in SCOPES:
        table = config if "versions" in config else config[scope]
        yield from _table_rows(name, table, scope, {processor: processor for processor in table.get("processors", [])})
    if "inference_graviton" in config:
        # The SDK names these two frameworks' Graviton tags by architecture, in code and not in the table.
        arm64 = {"sklearn": "arm64-cpu", "xgboost": "arm64"}
        yield from _table_rows(name, config["inference_graviton"], "inference", {"graviton": arm64.get(name, "cpu")})
    with contextlib.suppress(FileNotFoundError):  # most frameworks have no images for Neuron
        for scope, table in image_uris.config_for_framework(f"{name}-neuron").items():
            yield from _table_rows(name, table, scope, {processor: "neuron" for processor in table["processors"]})


def _algorithm_rows(name: str) -> Iterator[Json]:
    for scope in SCOPES:
        yield from _table_rows(name, image_uris.config_for_framework(name), scope, {})


def _table_rows(name: str, table: Json, scope: str, processors: dict[str, str]) -> Iterator[Json]:
    for version, content in table["versions"].items():
        names = [version, *_aliases_of(version, table)]
        if name == "huggingface":
            rows = _hugging_face_rows(version, content, scope, processors)
        elif "repository" in content:
            rows = iter([_row(content, content.get("py_versions", []), scope, processors)])
        else:
            rows = (_row(image, [python], scope, processors) for python, image in content.items())
        yield from ({"versions": names, **row} for row in rows)


def _hugging_face_rows(version: str, content: Json, scope: str, processors: dict[str, str]) -> Iterator[Json]:
    """Yield one row for each base framework; the tag has the requested version of the base framework."""
    for base, image in content.items():
        if base == "version_aliases":
            continue
        neuron = "neuron" in processors.values()
        base_version = base.removeprefix("pytorch") if neuron else "{base_version}"
        row = _row(image, image["py_versions"], scope, processors)
        if scope == "training" and "container" not in row:
            row["container"] = {"gpu": "cu110-ubuntu18.04"}  # in the SDK's get_training_image_uri, not in its table
        yield {"base": [base, *_aliases_of(base, content)], "prefix": f"{base_version}-transformers{version}", **row}


def _aliases_of(version: str, table: Json) -> list[str]:
    return [alias for alias, target in table.get("version_aliases", {}).items() if target == version]


def _row(image: Json, python: list[str], scope: str, processors: dict[str, str]) -> Json:
    row: Json = {"scopes": [scope], "repository": image["repository"], "registry": image["registries"]}
    own_processors = {processor: processor for processor in image.get("processors", [])}
    if python:
        row["python"] = python
    if processors or own_processors:
        row["processors"] = processors or own_processors
    if "container_version" in image:
        row["container"] = {
            processor: _container(image, "cpu" if processor == "graviton" else processor)
            for processor in row["processors"]
        }
    return row


def _container(image: Json, processor: str) -> str:
    version: str = image["container_version"][processor]
    if image["repository"].endswith(("-graviton", "-arm64")):
        return f"{version}-sagemaker"
    return "-".join([max(image["sdk_versions"]), version]) if "sdk_versions" in image else version


def _compact(rows: list[Json], registries: list[dict[str, str]]) -> list[Json]:
    """Join the rows that differ only by scope, then those that differ only by version."""
    return _join(_join(_number_registries(rows, registries), "scopes"), "versions")


def _number_registries(rows: Iterable[Json], registries: list[dict[str, str]]) -> list[Json]:
    numbered = list(rows)
    for row in numbered:
        if row["registry"] not in registries:
            registries.append(row["registry"])
        row["registry"] = registries.index(row["registry"])
    return numbered


def _join(rows: list[Json], key: str) -> list[Json]:
    joined: dict[str, Json] = {}
    for row in rows:
        rest = json.dumps({name: value for name, value in row.items() if name != key}, sort_keys=True)
        kept = joined.setdefault(rest, {**row, key: []})
        kept[key] = list(dict.fromkeys(kept[key] + row[key]))
    return list(joined.values())


def _p4d_suffixes(frameworks: dict[str, list[Json]]) -> Iterator[tuple[str, str]]:
    """Yield the suffixes of tags on p4d; the SDK has them in code, so ask it for each image."""
    for framework, rows in frameworks.items():
        for row in rows:
            if "gpu" not in row.get("processors", {}) or "base" in row:
                continue
            for version in row["versions"]:
                for python in row.get("python", []):
                    ask = {"version": version, "py_version": python, "image_scope": row["scopes"][0]}
                    tag, p4d_tag = (
                        image_uris.retrieve(IMAGES[framework], "us-east-1", instance_type=instance, **ask)
                        for instance in ("ml.p3.2xlarge", "ml.p4d.24xlarge")
                    )
                    if p4d_tag != tag:
                        yield f"{framework}:{tag.rpartition(':')[2]}", p4d_tag.removeprefix(f"{tag}-")


def render_tables() -> str:
    """Return images.json as text with one row per line, so that a diff shows the SDK's changes."""
    tables = build_tables()
    sections = []
    for name, section in tables.items():
        if name in ("frameworks", "algorithms", "named"):
            body = ",\n".join(f"{json.dumps(key)}: {_lines(rows)}" for key, rows in section.items())
            sections.append(f'"{name}": {{\n{body}\n}}')
        else:
            sections.append(f'"{name}": {_lines(section) if isinstance(section, list) else json.dumps(section)}')
    return "{\n" + ",\n".join(sections) + "\n}\n"


def _lines(rows: list[Any]) -> str:
    return "[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]"


if __name__ == "__main__":
    prepare_sdk()
    TARGET.write_text(render_tables())
