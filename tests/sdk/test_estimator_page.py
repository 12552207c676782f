"""docs/from-estimator.md names every argument of the SageMaker SDK: version 3 as installed, version 2 as recorded."""

import ast
import json
import re
from importlib.metadata import files
from pathlib import Path
from typing import Any

import pytest

from sagebuild.parameters import parse_parameters
from tests.engine import ROOT

PAGE = (ROOT / "docs" / "from-estimator.md").read_text(encoding="utf-8")
PACKAGES = ("sagemaker-train", "sagemaker-core", "sagemaker-serve")
# The arguments of version 2.257.7, the last of that version, which is not installed beside version 3.
VERSION_2: dict[str, list[str]] = json.loads(Path(__file__).with_name("version_2.json").read_text(encoding="utf-8"))
_FRAMEWORKS = ("TensorFlow", "PyTorch", "MXNet", "Chainer", "SKLearn", "XGBoost", "HuggingFace")
_TRAINER, _SHAPES = "sagemaker/train/model_trainer.py", "sagemaker/core/shapes/shapes.py"
_CONFIGS, _DISTRIBUTED = "sagemaker/core/training/configs.py", "sagemaker/train/distributed.py"
_TUNER, _BUILDER = "sagemaker/train/tuner.py", "sagemaker/serve/model_builder.py"
# The classes, or methods of classes, of version 3 by section.
VERSION_3 = {
    "ModelTrainer": (
        (_TRAINER, "ModelTrainer"),
        (_TRAINER, "ModelTrainer.train"),
        *((_CONFIGS, name) for name in ("SourceCode", "Compute", "Networking", "InputData")),
        *((_SHAPES, name) for name in ("ResourceConfig", "StoppingCondition", "OutputDataConfig", "CheckpointConfig")),
        *((_DISTRIBUTED, name) for name in ("Torchrun", "MPI")),
    ),
    "HyperparameterTuner": ((_TUNER, "HyperparameterTuner.__init__"),),
    "ModelBuilder": (
        (_BUILDER, "ModelBuilder"),
        (_BUILDER, "ModelBuilder.build"),
        (_BUILDER, "ModelBuilder.deploy"),
    ),
}
SECTIONS: dict[str, tuple[str, ...]] = {
    "Estimator": ("EstimatorBase", "Estimator", "Framework"),
    "Frameworks": _FRAMEWORKS,
    "fit": ("EstimatorBase.fit", "HyperparameterTuner.fit", "TrainingInput", "FileSystemInput"),
    "HyperparameterTuner": ("HyperparameterTuner",),
    "deploy and Model": (
        "EstimatorBase.deploy",
        "HyperparameterTuner.deploy",
        "Model.deploy",
        "Model",
        "FrameworkModel",
        "ServerlessInferenceConfig",
        "AsyncInferenceConfig",
    ),
}


def list_documented(section: str) -> set[str]:
    """Return the arguments in the first column of a section's table."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    first = [row.split(" | ")[0] for row in text.splitlines() if row.startswith("| `")]
    return {name for cell in first for name in re.findall(r"`(\w+)`", cell)}


def list_installed(section: str) -> set[str]:
    """Return the arguments of a section's classes and methods in the installed SDK, from its sources."""
    return {name for path, place in VERSION_3.get(section, ()) for name in read_arguments(path, place)}


def read_arguments(path: str, place: str) -> list[str]:
    """Return a method's arguments, or the public fields of a class, without importing the SDK."""
    name, _, method = place.partition(".")
    found = next(file for package in PACKAGES for file in files(package) or () if str(file) == path)
    tree = ast.parse(Path(str(found.locate())).read_text(encoding="utf-8"))
    owner = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    if method:
        function = next(node for node in owner.body if isinstance(node, ast.FunctionDef) and node.name == method)
        return [each.arg for each in (*function.args.args, *function.args.kwonlyargs) if each.arg != "self"]
    return [target.id for target in map(_target, owner.body) if target and re.match("[a-z]", target.id)]


def _target(node: Any) -> ast.Name | None:
    return node.target if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else None


@pytest.mark.parametrize("section", dict.fromkeys([*SECTIONS, *VERSION_3]))
def test_the_page_names_every_argument_and_no_other(section: str) -> None:
    recorded = {name for each in SECTIONS.get(section, ()) for name in VERSION_2[each] if not name.startswith("**")}
    if section == "Frameworks":
        recorded -= list_documented("Estimator")
    assert list_documented(section) == recorded | list_installed(section)


def test_every_parameter_that_the_page_names_exists() -> None:
    schema = json.loads((ROOT / "docs" / "parameters.schema.json").read_text(encoding="utf-8"))
    known = set(re.findall(r'"(\w+)": \{', json.dumps(schema)))
    rows = [row.split(" | ")[1] for row in PAGE.splitlines() if row.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([A-Za-z]+)`", row.split("sagebuild:")[0])}
    assert named - known - {"model"} == set()


def test_the_example_is_a_valid_document() -> None:
    example = json.loads(PAGE.partition("```json\n")[2].partition("```")[0])
    assert parse_parameters(example).framework == "PYTORCH"
