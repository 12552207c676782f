"""The image table gives the images that the SageMaker SDK gives."""

import json
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any

import pytest
from sagemaker.core import image_uris

from sagebuild.errors import ImageNotFoundError
from sagebuild.images.table import Scope, resolve_image
from sagebuild.instance_facts import processor_of
from tools import generate_images

CPU, GPU = "ml.m5.large", "ml.g4dn.xlarge"
SPECIAL = ("ml.p2.xlarge", "ml.p4d.24xlarge", "ml.inf1.xlarge", "ml.inf2.xlarge", "ml.trn1.2xlarge", "ml.c7g.large")
SCOPES: tuple[Scope, ...] = ("training", "inference")
TABLES = json.loads(generate_images.TARGET.read_text(encoding="utf-8"))
REGIONS = [*sorted({region for registry in TABLES["registries"] for region in registry}), "mars-north-1"]
# The least number of answers with an image that the sweep compares, so that it cannot become empty unnoticed.
IMAGES_AT_LEAST = {
    "TENSORFLOW": 12_000, "MXNET": 1_800, "PYTORCH": 7_500, "SCIKIT": 200, "CHAINER": 350, "XGBOOST": 400,
    "HUGGINGFACE": 5_000, "AMAZON": 500,
}  # fmt: skip
Ask = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def _sdk() -> None:
    generate_images.prepare_sdk()


def test_the_committed_table_is_what_the_generator_writes() -> None:
    assert generate_images.render_tables() == generate_images.TARGET.read_text(encoding="utf-8")


@pytest.mark.parametrize("framework", [*generate_images.IMAGES, "AMAZON"])
def test_every_answer_is_the_sdk_s(framework: str) -> None:
    compared = found = 0
    for ask in _questions(framework):
        ours, theirs = _ours(ask), _theirs(ask)
        assert ours == theirs or _is_mistake_of_the_sdk(ask, ours, theirs), ask
        compared += 1
        found += ours is not None
    print(f"{framework}: {compared} combinations compared, {found} of them have an image")
    assert found >= IMAGES_AT_LEAST.get(framework, 1)


def _questions(framework: str) -> Iterator[Ask]:
    """Yield every version, Python, base and scope for every kind of machine, and what is found for every region.

    A repository's account depends on version, scope and region, never on the rest of the tag.
    """
    tables = TABLES["algorithms"] if framework == "AMAZON" else {None: TABLES["frameworks"][framework]}
    swept = set()
    for algorithm, rows in tables.items():
        pythons = [*_named(rows, "python"), "py99", None]
        for version in [*_named(rows, "versions"), "0.0.1"]:
            bases = [*_named([row for row in rows if version in row["versions"]], "base"), "pytorch1.0"]
            what = {"framework": framework, "algorithm": algorithm, "version": version}
            for python, base, scope, instance in product(pythons, bases, SCOPES, (CPU, GPU, *SPECIAL)):
                base_framework = base if _named(rows, "base") else None
                where = {"scope": scope, "instance_type": instance, "region": "us-east-1"}
                ask = {**what, "py_version": python, "base_framework": base_framework, **where}
                yield ask
                place = (str(_ours(ask)).rpartition(":")[0], version, scope)
                if place not in swept:
                    swept.add(place)
                    yield from ({**ask, "region": region} for region in REGIONS)


def _named(rows: list[Ask], key: str) -> list[str]:
    return sorted({name for row in rows for name in row.get(key, [])})


def _ours(ask: Ask) -> str | None:
    return _resolve(**ask)


@cache
def _resolve(**ask: Any) -> str | None:
    try:
        return resolve_image(**ask).uri
    except ImageNotFoundError:
        return None


def _theirs(ask: Ask) -> str | None:
    sdk_name = ask["algorithm"] or generate_images.IMAGES[ask["framework"]]
    options = {"version": ask["version"], "instance_type": ask["instance_type"], "image_scope": ask["scope"]}
    if ask["base_framework"]:
        options["base_framework_version"] = ask["base_framework"]
        if ask["scope"] == "training" and processor_of(ask["instance_type"]) == "gpu":
            options["container_version"] = "cu110-ubuntu18.04"  # as its own get_training_image_uri does
    # The contract's rule: a single Python is taken whatever was asked; the SDK does so when none is asked.
    return _retrieve(sdk_name, ask["region"], py_version=ask["py_version"], **options) or _retrieve(
        sdk_name, ask["region"], **options
    )


@cache
def _retrieve(sdk_name: str, region: str, **options: Any) -> str | None:
    try:
        return str(image_uris.retrieve(sdk_name, region, **options))
    except (ValueError, KeyError, TypeError):
        return None


def _is_mistake_of_the_sdk(ask: Ask, ours: str | None, theirs: str | None) -> bool:
    """Tell where the SDK gives another image than the one asked for, and sagebuild none: another version or scope."""
    if ours is not None or theirs is None:
        return False
    tag = theirs.rpartition(":")[2]
    other_version = f"transformers{ask['version']}" not in tag and not f"{tag}-".startswith(f"{ask['version']}-")
    inference_for_training = ask["scope"] == "training" and ("inference" in theirs or "arm64" in tag)
    training_for_inference = ask["scope"] == "inference" and "-training" in theirs
    return other_version or inference_for_training or training_for_inference
