"""Each example, by its README: data made, source packed, built by the deployed service, and asked what it never saw."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from sagebuild.client.archives import pack_files
from tests.e2e.stack import NAME, DeployedStack, wait_until
from tests.engine import ROOT

EXAMPLES = ROOT / "examples"


class Example(NamedTuple):
    """An example's folder and its data."""

    folder: str
    data: str

    @property
    def parameters(self) -> dict[str, Any]:
        """Its document."""
        text = (EXAMPLES / self.folder / "parameters.json").read_text(encoding="utf-8")
        document: dict[str, Any] = json.loads(text)
        return document


# The other script-mode examples need AWS; tests/e2e/test_byod.py builds the example of BYOD.
CASES = (
    Example("digits", "digits"),
    Example("xgboost", "wine"),
    pytest.param(Example("pytorch", "digits"), marks=pytest.mark.examples),
    pytest.param(Example("tensorflow", "breast_cancer"), marks=pytest.mark.examples),
)


@pytest.mark.parametrize("example", CASES, ids=lambda example: example.folder)
def test_an_example_learns_and_answers(stack: DeployedStack, example: Example, tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "make_data.py"), example.data, str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    unseen = np.loadtxt(tmp_path / "unseen.csv", delimiter=",")
    place = f"examples/{example.folder}"
    s3 = stack.client("s3")
    s3.upload_file(str(tmp_path / "train.csv"), stack.outputs["DataBucket"], f"{place}/train.csv")
    folder = EXAMPLES / example.folder
    source = pack_files((file, file.name) for file in sorted(folder.iterdir()) if file.is_file())
    s3.put_object(Bucket=stack.outputs["CodeBucket"], Key=f"{place}.tar.gz", Body=source)
    own_place = {"trainsourcefile": f"{place}.tar.gz", "channels": {"training": {"path": f"{place}/"}}}
    record = stack.build(**example.parameters | own_place)
    assert record["status"] == "succeeded", record["reason"]
    assert record["metrics"]["accuracy"] > 0.9
    body = "\n".join(",".join(f"{value:g}" for value in row) for row in unseen[:, :-1])
    answer = stack.client("sagemaker-runtime").invoke_endpoint(EndpointName=NAME, ContentType="text/csv", Body=body)
    assert np.mean(read_classes(json.load(answer["Body"])) == unseen[:, -1]) > 0.9


def test_the_example_of_an_algorithm_learns_and_answers(stack: DeployedStack, tmp_path: Path) -> None:
    example = Example("amazon", "breast_cancer")
    command = [sys.executable, str(EXAMPLES / "make_data.py"), example.data, str(tmp_path), "--label-first"]
    subprocess.run(command, check=True, capture_output=True)
    unseen = np.loadtxt(tmp_path / "unseen.csv", delimiter=",")
    bucket = stack.outputs["DataBucket"]
    stack.client("s3").upload_file(str(tmp_path / "train.csv"), bucket, "examples/amazon/train.csv")
    document = example.parameters
    document["channels"]["train"]["path"] = "examples/amazon/"
    name, text = stack.outputs["ParametersName"], json.dumps(document)
    stack.client("ssm").put_parameter(Name=name, Value=text, Type="String", Overwrite=True)
    record = stack.finish(stack.start_by_voice())
    assert record["status"] == "succeeded", record["reason"]
    body = "\n".join(",".join(f"{value:g}" for value in row) for row in unseen[:, 1:])
    answer = stack.client("sagemaker-runtime").invoke_endpoint(EndpointName=NAME, ContentType="text/csv", Body=body)
    said = np.array(answer["Body"].read().decode().replace("\n", ",").split(","), dtype=float)
    assert np.mean(np.round(said) == unseen[:, 0]) > 0.9


def read_classes(answer: Any) -> Any:
    """The classes in an answer: themselves, or TensorFlow Serving's probabilities, rounded."""
    return np.round(np.ravel(answer["predictions"])) if isinstance(answer, dict) else np.array(answer)


# "Save ... as `~/path`", and the file below.
SAVED = re.compile(r"[Ss]ave [^:]*?`~/(\S+)`[^:]*?:\n\n```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE)


def read_page(name: str, home: Path) -> str:
    """Save a page's files below a home folder, and return its commands as one script, without those for make."""
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    for path, text in SAVED.findall(page):
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text, encoding="utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    return "".join(block for block in blocks if not block.startswith("make "))


def test_the_page_about_your_own_project_works_word_for_word(deployed: DeployedStack, tmp_path: Path) -> None:
    script = read_page("your-own-project.md", tmp_path)
    environment = deployed.engine.environment | {"HOME": str(tmp_path), "COLUMNS": "200"}
    command = ["bash", "-euo", "pipefail", "-c", f"exec 2>&1; {script}"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, timeout=600)
    output = ended.stdout
    assert ended.returncode == 0, output
    assert re.search(r"^accuracy=0\.9", output, re.MULTILINE)
    assert "Build 2 succeeded" in output
    assert "Build 3, a rollback to build 1, succeeded" in output
    (predicted,) = re.findall(r"^\[[0-9., ]+\]$", output, re.MULTILINE)
    unseen = np.loadtxt(tmp_path / "wine/data/unseen.csv", delimiter=",")
    assert np.mean(np.array(json.loads(predicted)) == unseen[:, -1]) > 0.9
    list_endpoints = deployed.client("sagemaker").list_endpoints
    wait_until(lambda: not list_endpoints(NameContains="wine")["Endpoints"])
