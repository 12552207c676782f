"""`sagebuild convert` turns code of the SageMaker SDK into a project that passes its checks, and reports the rest."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import sagebuild
from sagebuild.errors import InputError
from sagebuild.project.sdk_code.conversion import SdkConversion, convert_script
from tests.command_line import Ended, run_command

SCRIPTS = Path(__file__).parent / "sdk_scripts"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder as a user has it: the SDK's scripts, the training code and data."""
    for script in SCRIPTS.glob("*.py"):
        shutil.copy(script, tmp_path)
    (tmp_path / "src" / "lib").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    for name in ("src/train.py", "src/requirements.txt", "src/lib/words.py", "data/train.csv"):
        (tmp_path / name).write_text("# 1,2,3\n", encoding="utf-8")
    return tmp_path


def convert(folder: Path, script: str, *options: str) -> Ended:
    return run_command("convert", str(folder / script), str(folder / "new"), *options, environment={"HOME": "/"})


def read(folder: Path, text: str) -> SdkConversion:
    script = folder / "script.py"
    script.write_text(text, encoding="utf-8")
    return convert_script(script)


def report(conversion: SdkConversion) -> list[str]:
    return [f"{entry.field}: {entry.value}" for entry in conversion.unconverted]


def find_line(script: str, words: str) -> int:
    lines = (SCRIPTS / script).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if words in line)


def test_a_script_of_version_2_becomes_a_project(work: Path) -> None:
    ended = convert(work, "version_2.py", "--json")
    report = json.loads(ended.stdout)
    assert (ended.returncode, report["problems"]) == (0, [])
    assert sagebuild.Project(work / "new").check().has_no_errors
    expected: dict[str, Any] = {
        "framework": "PYTORCH",
        "frameworkversion": "2.6.0",
        "pyversion": "py312",
        "trainentrypoint": "train.py",
        "traininstancetype": "ml.g5.xlarge",
        "traininstancecount": 1,
        "trainvolumesize": 50,
        "spot": True,
        "trainmaxrun": 2,
        "spotmaxwait": 4,
        "configtrain": "SAGEMAKERHPO",
        "hyperparameters": {
            "epochs": 3,
            "backend": "gloo",
            "batch-size": 64,
            "lr": {"MinValue": 0.0001, "MaxValue": 0.1, "ScalingType": "Logarithmic"},
            "hidden": {"MinValue": 16, "MaxValue": 128, "integer": True},
            "optimizer": {"Values": ["sgd", "adam"]},
        },
        "metrics": [
            {"Name": "loss", "Regex": "loss=([0-9.]+)"},
            {"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"},
        ],
        "tuningobjective": {"Name": "accuracy", "Type": "Maximize"},
        "maxtrainingjobs": 8,
        "maxparalleltrainingjobs": 2,
        "earlystopping": "Auto",
        "checkpoints": {"uri": "s3://my-lake/mnist/checkpoints"},
        "environment": {"MODE": "fast"},
        "Tags": {"team": "vision"},
        "subnets": ["subnet-0123abcd"],
        "securitygroups": ["sg-0123abcd"],
        "channels": {
            "train": {"uri": "s3://my-lake/mnist/train/", "dist": "ShardedByS3Key", "contentType": "text/csv"},
            "test": {"path": "train/test/"},
            "extra": {"path": "train/extra/"},
        },
        "hostinstancetype": "ml.m5.large",
        "hostinstancecount": 2,
        "asynchronous": {"output": "s3://my-lake/answers/", "concurrency": 4},
    }
    assert report["document"] == expected
    assert {"src/lib/words.py", "src/requirements.txt", "data/test/train.csv"} <= set(report["files"])


def test_what_only_the_running_program_knows_is_listed_with_its_line(work: Path) -> None:
    ended = convert(work, "version_2.py")
    for words, name in (
        ("HF_TOKEN", "environment.TOKEN"),
        ("rules=", "rules"),
        ("max_runtime=", "max_runtime"),
        ("default_bucket", "inputs"),
        ("predictor.predict", "predict"),
        ("other = ", "PyTorch"),
    ):
        assert f"- line {find_line('version_2.py', words)}: {name}: " in ended.stderr
    assert "Not converted: 6\n" in ended.stderr
    text = (work / "new" / "sagebuild.yaml").read_text(encoding="utf-8")
    assert f"# Not converted: line {find_line('version_2.py', 'rules=')}: rules: " in text


def test_a_script_of_version_3_becomes_a_project(work: Path) -> None:
    ended = convert(work, "version_3.py", "--json")
    report = json.loads(ended.stdout)
    assert (ended.returncode, report["problems"]) == (0, [])
    assert sagebuild.Project(work / "new").check().has_no_errors
    expected: dict[str, Any] = {
        "framework": "PYTORCH",
        "frameworkversion": "2.6.0",
        "pyversion": "py312",
        "trainentrypoint": "train.py",
        "traininstancetype": "ml.g5.xlarge",
        "traininstancecount": 2,
        "trainvolumesize": 100,
        "spot": True,
        "trainmaxrun": 1,
        "spotmaxwait": 2,
        "distribution": {"strategy": "torch_distributed"},
        "configtrain": "SAGEMAKERHPO",
        "tuningstrategy": "Random",
        "maxtrainingjobs": 4,
        "hyperparameters": {
            "epochs": 5,
            "name": "run-eu-west-1",
            "lr": {"MinValue": 0.001, "MaxValue": 0.1},
            "layers": {"MinValue": 1, "MaxValue": 4, "integer": True},
        },
        "metrics": [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}],
        "tuningobjective": {"Name": "accuracy", "Type": "Maximize"},
        "environment": {"MODE": "fast"},
        "Tags": {"team": "vision"},
        "subnets": ["subnet-0123abcd"],
        "securitygroups": ["sg-0123abcd"],
        "trafficencryption": True,
        "checkpoints": {"uri": "s3://my-lake/checkpoints/"},
        "channels": {
            "train": {"uri": "s3://my-lake/mnist/train/", "contentType": "text/csv"},
            "test": {"path": "train/test/"},
            "more": {"path": "train/more/"},
        },
        "modelhostingenvironment": {"WORKERS": "2"},
        "hostinstancetype": "ml.m5.large",
        "hostinstancecount": 2,
    }
    assert report["document"] == expected
    lines = [find_line("version_3.py", words) for words in ("with_remote_debug", "/more/", "endpoint.invoke")]
    assert [entry["field"].partition(":")[0] for entry in report["unconverted"]] == [f"line {line}" for line in lines]


def test_nothing_of_the_script_is_executed(work: Path) -> None:
    conversion = read(
        work,
        "import pathlib\nfrom sagemaker.sklearn import SKLearn\npathlib.Path('ran').touch()\n"
        "name = __import__('os').system('touch ran')\n"
        "SKLearn('src/train.py', framework_version='1.9-0', instance_type=name).fit()\n",
    )
    assert not (work / "ran").exists()
    assert not Path("ran").exists()
    assert report(conversion) == ["line 5: instance_type: __import__('os').system('touch ran')"]
    assert conversion.document["trainentrypoint"] == "train.py"


def test_a_branch_that_is_not_known_makes_its_values_unknown(work: Path) -> None:
    conversion = read(
        work,
        "import os\nfrom sagemaker.estimator import Estimator as E\nfrom sagemaker import image_uris\n"
        "size, count = 'ml.m5.large', 1\nif os.environ.get('BIG'):\n    size = 'ml.p4d.24xlarge'\n"
        "image = image_uris.retrieve('xgboost', 'us-east-1', version='1.7-1')\n"
        "E(image, 'role', count, size, hyperparameters={'num_round': 10}).fit('s3://lake/train/')\n",
    )
    assert report(conversion) == ["line 8: instance_type: size, which depends on the condition in line 5"]
    document = conversion.document
    assert (document["framework"], document["algorithm"], document["frameworkversion"]) == (
        "AMAZON",
        "xgboost",
        "1.7-1",
    )
    assert document["channels"] == {"training": {"uri": "s3://lake/train/"}}
    assert document["deployEndpoint"] is False


def test_an_image_of_your_own_with_a_model_is_deployed(work: Path) -> None:
    conversion = read(
        work,
        "from sagemaker.model import Model\n"
        "from sagemaker.serverless import ServerlessInferenceConfig\n"
        "model = Model(image_uri='123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1', model_data='s3://lake/model.tar.gz')\n"
        "config = ServerlessInferenceConfig(memory_size_in_mb=4096, max_concurrency=9)\n"
        "model.deploy(serverless_inference_config=config)\n",
    )
    assert conversion.document == {
        "framework": "BYOD",
        "InferenceImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1",
        "ModelArtifacts": "s3://lake/model.tar.gz",
        "skiptrain": True,
        "serverless": {"memory": 4, "concurrency": 9},
    }
    assert report(conversion) == []


def test_other_uses_of_the_sdk_are_listed(work: Path) -> None:
    conversion = read(
        work,
        "import boto3\nfrom sagemaker.sklearn import SKLearn\n"
        "from sagemaker.sklearn.processing import SKLearnProcessor\n"
        "SKLearn('src/train.py', framework_version='1.9-0', instance_type='ml.m5.large', instance_count=1).fit()\n"
        "SKLearnProcessor('1.2-1', 'role', 'ml.m5.large', 1).run('prepare.py')\n"
        "boto3.client('sagemaker').create_model_card(ModelCardName='a')\n",
    )
    assert report(conversion) == [
        "line 5: SKLearnProcessor: SKLearnProcessor()",
        "line 6: create_model_card: boto3.client('sagemaker').create_model_card()",
    ]


@pytest.mark.parametrize(("text", "words"), [
    ("print(1)", "there is nothing to convert"),
    ("def broken(:\n", "script.py, line 1 is not Python"),
    ("from sagemaker.sklearn import SKLearn\ndef a():\n    return a() + a()\nx = a()\n", "there is nothing to convert"),
    ("x = " + "(" * 150 + "1" + ")" * 150, "there is nothing to convert"),
])  # fmt: skip
def test_a_script_without_the_sdk_is_refused(work: Path, text: str, words: str) -> None:
    (work / "script.py").write_text(text, encoding="utf-8")
    ended = convert(work, "script.py")
    assert ended.returncode == 1
    assert words in ended.stderr
    assert not (work / "new").exists()


def test_nothing_is_overwritten(work: Path) -> None:
    assert convert(work, "version_3.py").returncode == 0
    ended = convert(work, "version_3.py")
    assert ended.returncode == 1
    assert "already has sagebuild.yaml" in ended.stderr


CLASSES = """
import asyncio
from dataclasses import dataclass
from sagemaker.sklearn import SKLearn

@dataclass
class Config:
    bucket: str
    epochs: int = 12

class Trainer:
    kind = "ml.m5.large"

    def __init__(self, config, **more):
        self.config = config
        self.more = more

    @property
    def address(self):
        return f"s3://{self.config.bucket}/train/"

    async def run(self):
        if (count := 1) > 0:
            values = {"epochs": self.config.epochs}
        values.setdefault("words", ",".join(["a", "b"]))
        values.update(more=1)
        del values["more"]
        self.estimator = SKLearn("train.py", source_dir="src", role="r", framework_version="1.2-1",
                                 instance_type=self.kind, instance_count=count, hyperparameters=values, **self.more)
        self.estimator.fit({"training": self.address})

asyncio.run(Trainer(Config("my-bucket"), max_run=3600).run())
"""


def test_classes_and_coroutines_of_the_script_are_read(work: Path) -> None:
    conversion = read(work, CLASSES)
    assert (report(conversion), list(conversion.problems)) == ([], [])
    found = conversion.document
    assert found["hyperparameters"] == {"epochs": 12, "words": "a,b"}
    assert (found["traininstancetype"], found["traininstancecount"], found["trainmaxrun"]) == ("ml.m5.large", 1, 1)
    assert found["channels"] == {"training": {"uri": "s3://my-bucket/train/"}}


CHANGES = {
    "values[key] = 1": "hyperparameters.values[key]: values[key]",
    "values.update(load())": "hyperparameters.values.update(load()): values.update(load())",
    "values.clear()": "hyperparameters.values.clear(): values.clear()",
    "if load(): values['epochs'] = 2": "hyperparameters.epochs: values['epochs'], which depends on line 11",
    "if load(): del values['epochs']": "hyperparameters.del values['epochs']: del values['epochs']",
    "try: kind = 'ml.m5.large'\nexcept OSError: kind = 'ml.m5.xlarge'": "instance_type: kind, which depends on",
    "match load():\n  case 1: kind = 'ml.m5.large'\n  case _: kind = 'ml.m5.xlarge'": "instance_type: kind, which",
    "kind = choose(load())": "instance_type: choose()",
    "estimator.max_run = 3": "attribute: estimator.max_run = ...",
    "estimator.environment['A'] = 'b'": "attribute: estimator.environment['A'] = ...",
    "for one in load(): estimator.fit({'training': 's3://my-bucket/a/'})": "fit: estimator.fit()",
}


@pytest.mark.parametrize(("change", "words"), CHANGES.items(), ids=list(CHANGES))
def test_a_change_whose_effect_is_not_known_is_listed(work: Path, change: str, words: str) -> None:
    create = (
        "estimator = SKLearn('train.py', source_dir='src', role='r', framework_version='1.2-1', instance_count=1, "
        "instance_type=kind, hyperparameters=values)\n"
    )
    start = (
        "from elsewhere import load, key\nfrom sagemaker.sklearn import SKLearn\n"
        "def choose(large):\n  if large:\n    return 'ml.m5.xlarge'\n  return 'ml.m5.large'\n"
        "values = {'epochs': 1}\nkind = 'ml.m5.large'\nif True:\n  pass\n"
    )
    parts = [create, f"{change}\n"] if change.startswith(("estimator", "for")) else [f"{change}\n", create]
    lines = report(read(work, "".join([start, *parts, "estimator.fit()\n"])))
    assert any(words in line for line in lines), lines


def test_a_subclass_of_an_estimator_is_converted_as_its_base(work: Path) -> None:
    script = "from sagemaker.sklearn import SKLearn\nclass Mine(SKLearn):\n  pass\nMine('train.py', role='r').fit()\n"
    conversion = read(work, script)
    assert conversion.document["framework"] == "SCIKIT"
    assert "line 2: class: class Mine(SKLearn)" in report(conversion)


def test_a_script_that_trains_nothing_is_refused_with_its_uses_of_the_sdk(work: Path) -> None:
    script = "import boto3\nsagemaker = boto3.client('sagemaker')\nsagemaker.create_training_job(TrainingJobName='a')\n"
    with pytest.raises(InputError, match=r"line 3: create_training_job: .*: sagebuild params from-request converts"):
        read(work, script)
