"""Training jobs in local/ run scripts and commands, and install requirements, as AWS's training toolkit does."""

import ast
import hashlib
import io
import zipfile
from importlib import metadata

import pytest
from botocore.exceptions import ClientError

from tests.engine import Engine
from tests.local.sagemaker_world import IMAGE, TRAINING_LOGS, Trainer


@pytest.fixture(scope="module")
def world(engine: Engine) -> Trainer:
    return Trainer(engine)


def test_a_script_in_a_folder_runs_in_the_code_folder(world: Trainer) -> None:
    script = """
import os, sys
import beside, top
print("argv", sys.argv, os.path.basename(os.getcwd()), os.environ["SM_USER_ENTRY_POINT"], os.environ["SM_MODULE_NAME"])
"""
    files: dict[str, str | bytes] = {"src/train.py": script, "src/beside.py": "", "top.py": ""}
    name = world.start(files, HyperParameters={"sagemaker_program": '"src/train.py"', "epochs": "1"})
    assert world.finish(name)["TrainingJobStatus"] == "Completed"
    lines = world.read_logs(TRAINING_LOGS, name)
    assert "argv ['src/train.py', '--epochs', '1'] code src/train.py src/train" in lines


@pytest.mark.parametrize(
    ("program", "script"),
    [
        ("train.sh", '#!/bin/bash\nitems=(one two)\nfor i in ${items[@]}; do echo item $i; done; echo "$@"'),
        ("bin/run.sh", "echo item one; echo item two; echo $*"),
        ("tool", "#!/usr/bin/env python3\nimport sys\nprint('item one\\nitem two'); print(*sys.argv[1:])"),
    ],
)
def test_a_command_is_made_executable_and_runs_itself(world: Trainer, program: str, script: str) -> None:
    quoted = {"sagemaker_program": f'"{program}"', "note": '"a  b $HOME"'}
    name = world.start({program: script, "requirements.txt": "./not-installed-for-a-command"}, HyperParameters=quoted)
    assert world.finish(name)["TrainingJobStatus"] == "Completed"
    lines = world.read_logs(TRAINING_LOGS, name)
    assert lines[-3:-1] == ["item one", "item two"]
    assert lines[-1].split() == ["--note", "a", "b", "$HOME"]


def test_the_log_names_other_versions_than_those_of_the_image(world: Trainer) -> None:
    own = f"{metadata.version('scikit-learn').rpartition('.')[0]}-1"
    for version, is_other in (("0.20.0", True), (own, False)):
        image = f"{IMAGE.partition(':')[0]}:{version}-cpu-py3"
        name = world.start("", AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"})
        assert world.finish(name)["TrainingJobStatus"] == "Completed"
        here = f"scikit-learn {metadata.version('scikit-learn')} (image: 0.20.0)"
        line = f"Other versions than the image's run here: {here}"
        assert (world.read_logs(TRAINING_LOGS, name)[0] == line) == is_other


def test_arguments_and_variables_are_those_of_the_training_toolkit(world: Trainer) -> None:
    script = "import os, sys\nprint(sys.argv[1:])\nprint(os.environ['SM_HPS'], os.environ['SM_HP_NOTHING'] == '')"
    values = {
        "depth": '{"b": [1, 2], "a": 1}',
        "list": "[1, 2]",
        "nothing": "null",
        "n": "true",
        "text": '"{\\"x\\": 1}"',
        "float": "1e-05",
        "nested": '{"a": {"b": null}}',
        "empty": "{}",
    }
    name = world.start(script, HyperParameters=values)
    assert world.finish(name)["TrainingJobStatus"] == "Completed"
    lines = world.read_logs(TRAINING_LOGS, name)
    passed = {
        "--depth": "a=1,b=[1, 2]",
        "--empty": "",
        "--float": "1e-05",
        "--list": "[1, 2]",
        "--nested": "a={'b': None}",
        "--nothing": "",
        "--text": '{"x": 1}',
        "-n": "True",
    }
    given = ast.literal_eval(lines[-2])
    assert dict(zip(given[::2], given[1::2], strict=True)) == passed
    assert lines[-1].startswith('{"depth":{"a":1,"b":[1,2]},"empty":{}')
    assert lines[-1].endswith(" True")


def make_wheel(name: str, version: str) -> bytes:
    """A wheel with one module, whose ``where`` is the version."""
    buffer, info = io.BytesIO(), f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"where = {version!r}",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(buffer, "w") as wheel:
        for path, content in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(zipfile.ZipInfo(path), content)  # without a date
    return buffer.getvalue()


WHEEL = "wheels/ownlib-2.0-py3-none-any.whl"
OLDER = "wheels/xmltodict-0.0.1-py3-none-any.whl"  # older than that of this environment
MAIN = f"""# none of ours

scikit-learn>=1.0  # this one
-c limits.txt
-r reqs/base.txt
no-such-package; python_version < '3'
numpy \\
  >=1.0
./{OLDER}
"""
# What the container's pip reads: the encodings, and the forms of lines.
REQUIREMENTS: dict[str, dict[str, str | bytes]] = {
    "UTF-16, as PowerShell writes it": {
        "requirements.txt": MAIN.replace("\n", "\r\n").encode("utf-16"),
        "limits.txt": "numpy>=1.0\n",
        "reqs/base.txt": "numpy>=1.0\n-r more.txt\n",
        "reqs/more.txt": f"./{WHEEL}\n",
        WHEEL: make_wheel("ownlib", "2.0"),
        OLDER: make_wheel("xmltodict", "0.0.1"),
    },
    "UTF-8 with a byte order mark": {
        "requirements.txt": "\ufeff--no-index\n--find-links wheels\nownlib==2.0 --hash=sha256:"
        + hashlib.sha256(make_wheel("ownlib", "2.0")).hexdigest(),
        WHEEL: make_wheel("ownlib", "2.0"),
    },
}


def test_a_folder_with_setup_py_is_installed_and_its_module_runs(world: Trainer) -> None:
    script = "import sys\nfrom importlib.metadata import version\nprint(version('ownlib'), __name__, sys.argv[1:])"
    # A build backend of its own; setuptools would come from an index.
    backend = "import shutil\ndef build_wheel(folder, *_):\n    return shutil.copy('{0}', folder).rpartition('/')[2]"
    files: dict[str, str | bytes] = {
        "train.py": script,
        "setup.py": "",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]',
        "backend.py": backend.format(WHEEL),
        WHEEL: make_wheel("ownlib", "2.0"),
    }
    name = world.start(files, HyperParameters={"epochs": "2"})
    assert "FailureReason" not in world.finish(name)
    assert "2.0 __main__ ['--epochs', '2']" in world.read_logs(TRAINING_LOGS, name)


def test_pip_itself_reads_requirements(world: Trainer) -> None:
    script = """
import glob, importlib, numpy
for wheel in glob.glob("wheels/*.whl"):
    module = importlib.import_module(wheel.split("/")[1].split("-")[0])
    assert module.where == wheel.split("-")[1], module.__file__
"""
    for files in REQUIREMENTS.values():
        assert "FailureReason" not in world.finish(world.start({"train.py": script, **files}))
    assert metadata.version("xmltodict") > "0.0.1"  # this environment's own is not changed


def test_requirements_that_pip_refuses_fail_the_job(world: Trainer) -> None:
    listed = f"./{WHEEL} --hash=sha256:{'0' * 64}\n"
    job = world.finish(world.start({"train.py": "", "requirements.txt": listed, WHEEL: make_wheel("ownlib", "2.0")}))
    assert "requirements.txt could not be installed" in job["FailureReason"]


def test_a_training_that_saves_nothing_has_no_archive(world: Trainer) -> None:
    job = world.finish(world.start("print('saved elsewhere')"))
    assert job["TrainingJobStatus"] == "Completed"
    address = job["ModelArtifacts"]["S3ModelArtifacts"]
    with pytest.raises(ClientError) as caught:
        world.sagemaker.create_model(
            ModelName=f"m-{job['TrainingJobName']}",
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": address},
            ExecutionRoleArn=world.role,
        )
    assert f"Could not find model data at {address}" in caught.value.response["Error"]["Message"]


def test_a_long_line_reaches_the_log_and_the_metrics_in_full(world: Trainer) -> None:
    script = """
import sys
for step in range(1, 4001):
    sys.stdout.write(f"\\r{step:5d} |\N{FULL BLOCK}| loss={step}")
print()
print("x" * 100_000)
print("last")
"""
    metrics = [{"Name": "loss", "Regex": r"loss=([0-9]+)"}, {"Name": "bad", "Regex": "((?:x|x|xx)+)$!"}]
    algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": "File", "MetricDefinitions": metrics}
    name = world.start(script, AlgorithmSpecification=algorithm)
    job = world.finish(name)
    assert [(each["MetricName"], each["Value"]) for each in job["FinalMetricDataList"]] == [("loss", 4000.0)]
    text = "".join(world.read_logs(TRAINING_LOGS, name)).partition("train.py")[2]
    assert [int(part.rpartition("=")[2]) for part in text.split("x")[0].split("\r")[1:]] == list(range(1, 4001))
    assert text.count("x") == 100_000
    assert text.endswith("last")
