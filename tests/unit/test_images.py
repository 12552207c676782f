"""An image is found without the SDK, and an error lists the images that exist."""

import json
import subprocess
import sys
from functools import cache
from typing import Any

import botocore.session
import pytest

from sagebuild.errors import ImageNotFoundError
from sagebuild.images.table import resolve_image
from sagebuild.instance_facts import processor_of
from tests.engine import ROOT

CPU, GPU = "ml.m5.large", "ml.g4dn.xlarge"
TABLE = json.loads((ROOT / "sagebuild" / "images" / "images.json").read_text(encoding="utf-8"))


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
     f"AWS has no images of BYOD; it has images of {', '.join(sorted(TABLE['frameworks']))}."),
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
