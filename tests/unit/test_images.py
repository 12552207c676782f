"""The image table answers what the SageMaker SDK answers, without the SDK."""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any

import botocore.session
import pytest
from sagemaker.core import image_uris

from sagebuild.errors import ImageNotFoundError
from sagebuild.images.table import Scope, processor_of, resolve_image
from tools import generate_images

CPU, GPU = "ml.m5.large", "ml.g4dn.xlarge"
SPECIAL = ("ml.p2.xlarge", "ml.p4d.24xlarge", "ml.inf1.xlarge", "ml.inf2.xlarge", "ml.trn1.2xlarge", "ml.c7g.large")
SCOPES: tuple[Scope, ...] = ("training", "inference")
TABLES = json.loads(generate_images.TARGET.read_text(encoding="utf-8"))
REGIONS = [*sorted({region for registry in TABLES["registries"] for region in registry}), "mars-north-1"]
# How many answers with an image the sweep must compare, so that it cannot become empty unnoticed.
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


@cache
def _instance_families(shape: str) -> frozenset[str]:
    service = botocore.session.get_session().get_service_model("sagemaker")
    names: list[str] = service.shape_for(shape).metadata["enum"]
    return frozenset(".".join(name.split(".")[:2]) for name in names)


def test_every_instance_family_that_sagemaker_rents_is_classified_by_what_it_computes_with() -> None:
    families = _instance_families("TrainingInstanceType") | _instance_families("ProductionVariantInstanceType")
    kinds: dict[str, set[str]] = {}
    for family in families:
        kinds.setdefault(processor_of(f"{family}.large"), set()).add(family.removeprefix("ml."))
    assert kinds["gpu"] >= {"p2", "p3", "p3dn", "p4d", "p4de", "p5", "p5en", "p6-b200", "g4dn", "g5", "g6", "g6e"}
    assert kinds["graviton"] == {
        "c6g",
        "c6gd",
        "c6gn",
        "c7g",
        "c8g",
        "m6g",
        "m6gd",
        "m8g",
        "r6g",
        "r6gd",
        "r7gd",
        "r8g",
    }
    assert kinds["inf"] == {"inf1", "inf2"}
    assert kinds["trn"] == {"trn1", "trn1n", "trn2"}
    assert kinds["cpu"] >= {"t2", "t3", "m4", "m5", "m5d", "c5", "c5n", "c6i", "c7i", "c7i-flex", "r5", "r7i"}
    assert not {family for family in kinds["cpu"] if family[0] in "gp"}


def test_a_graviton_newer_than_the_sdk_s_list_gets_the_graviton_image() -> None:
    images = {
        resolve_image("PYTORCH", "2.4", "py311", "us-east-1", f"ml.{family}.large", "inference").uri
        for family in ("c7g", "c8g", "m8g", "r8g")
    }
    assert len(images) == 1
    assert "graviton" in images.pop()


def test_the_only_python_of_a_version_is_taken_and_reported() -> None:
    image = resolve_image("TENSORFLOW", "1.8", "py3", "us-east-1", CPU, "training")
    assert image.uri.endswith("sagemaker-tensorflow:1.8-cpu-py2")
    assert image.note == "TENSORFLOW 1.8 has py2 only, so the training image has py2 instead of py3."
    assert resolve_image("TENSORFLOW", "1.8", "py2", "us-east-1", CPU, "training").note is None


@pytest.mark.parametrize(("ask", "sentence"), [
    (("MXNET", "1.1", "py37", "us-east-1", CPU, "training"),
     "MXNET 1.1 has no training image for Python py37; available: py2, py3."),
    (("MXNET", "1.1", None, "us-east-1", CPU, "training"),
     "MXNET 1.1 has no training image for Python (none given); available: py2, py3."),
    (("SCIKIT", "9.9", "py3", "us-east-1", CPU, "inference"),
     "SCIKIT has no inference image of version 9.9; available: 0.20.0, 0.23-1, 1.0-1, 1.2-1, 1.4-2-py312, 1.9-0."),
    (("SCIKIT", None, "py3", "us-east-1", CPU, "inference"),
     "SCIKIT has no inference image of version (none given); "
     "available: 0.20.0, 0.23-1, 1.0-1, 1.2-1, 1.4-2-py312, 1.9-0."),
    (("SCIKIT", "1.9-0", "py3", "us-east-1", "ml.p3.2xlarge", "training"),
     "SCIKIT 1.9-0 has no training image for ml.p3.2xlarge, a gpu instance; available for cpu instances."),
    (("SCIKIT", "1.0-1", "py3", "us-east-1", "ml.m6g.large", "training"),
     "SCIKIT 1.0-1 has no training image for ml.m6g.large, a graviton instance; available for cpu instances."),
    (("PYTORCH", "1.13", "py39", "us-east-1", "ml.p2.xlarge", "training"),
     "PYTORCH 1.13 has no image for ml.p2.xlarge: AWS retired p2; use ml.g4dn or ml.g5."),
    (("BYOD", "1", "py3", "us-east-1", CPU, "training"),
     f"AWS has no images of BYOD; it has images of {', '.join(sorted(generate_images.IMAGES))}."),
    (("CHAINER", "5.0.0", "py3", "eu-south-2", CPU, "training"),
     "CHAINER 5.0.0 has no image in region eu-south-2; available in af-south-1, ap-east-1, ap-northeast-1, "
     "ap-northeast-2, ap-south-1, ap-southeast-1, ap-southeast-2, ca-central-1, cn-north-1, cn-northwest-1, "
     "eu-central-1, eu-north-1, eu-south-1, eu-west-1, eu-west-2, eu-west-3, me-south-1, sa-east-1, us-east-1, "
     "us-east-2, us-gov-west-1, us-iso-east-1, us-isob-east-1, us-west-1, us-west-2."),
])  # fmt: skip
def test_what_there_is_is_listed(ask: tuple[Any, ...], sentence: str) -> None:
    with pytest.raises(ImageNotFoundError) as error:
        resolve_image(*ask)
    assert str(error.value) == sentence


def test_the_base_framework_of_hugging_face_is_listed() -> None:
    ask = ("HUGGINGFACE", "4.48.0", "py311", "us-east-1", GPU, "training")
    with pytest.raises(ImageNotFoundError) as error:
        resolve_image(*ask, base_framework="pytorch1.0")  # type: ignore[arg-type]
    sentence = "has no training image on base framework pytorch1.0; available: pytorch2.3, pytorch2.3.0."
    assert str(error.value) == f"HUGGINGFACE 4.48.0 {sentence}"


def test_no_sdk_is_imported() -> None:
    code = "import sagebuild.images.table, sys; sys.exit(bool({'sagemaker', 'boto3', 'pydantic'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)
