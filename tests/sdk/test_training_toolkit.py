"""A training script in local/ gets what SageMaker's own training toolkit, which is installed here, would give it."""

import json
import os
import string
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.strategies import SearchStrategy

from sagebuild.container import environment, train
from tests.engine import Engine
from tests.local.sagemaker_world import TRAINING_LOGS, Trainer

# Variables that differ on purpose; local/README.md explains them.
OURS = {"HF_HUB_OFFLINE", "PYTHONPATH"}
SET_BY_THE_TOOLKIT = ("CURRENT_HOST", "SAGEMAKER_JOB_NAME", "SAGEMAKER_REGION")
# The toolkit looks for devices with other programs; local/ has none.
WITHOUT_DEVICES = {"num_gpus": 0, "num_neurons": 0, "validate_smddprun": False, "validate_smddpmprun": False}

# Runs the toolkit in the container of the job, and prints what it would give to the script, with what the script got.
COMPARES = f"""
import json, os, sys
from sagemaker_training import environment
for name, value in {WITHOUT_DEVICES!r}.items():
    setattr(environment, name, lambda *_, value=value: value)
got = dict(arguments=sys.argv[1:], variables=dict(os.environ))
expected = environment.Environment()
print(json.dumps(dict(got=got, arguments=expected.to_cmd_args(), variables=expected.to_env_vars())))
"""


@pytest.fixture(scope="module")
def toolkit(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The toolkit's module, which reads its folder when it is imported."""
    folder = tmp_path_factory.mktemp("opt-ml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGEMAKER_BASE_DIR", str(folder))
        from sagemaker_training import environment as module
    for name, value in WITHOUT_DEVICES.items():
        setattr(module, name, lambda *_, value=value: value)
    return module  # type: ignore[no-any-return]


# Names of variables have no "=" and no NUL; a script cannot get one that has.
names = some.text(some.characters(exclude_characters="=\0", exclude_categories=["Cs"]), max_size=12)
texts = some.text(some.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | texts,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
# The SDK encodes values as JSON; other clients send text.
hyperparameters = some.dictionaries(
    names | some.sampled_from(["sagemaker_anything", "_tuning_objective_metric", "default_user_module_name"]),
    values.map(json.dumps) | texts,
    max_size=8,
)
framework: SearchStrategy[dict[str, str]] = some.fixed_dictionaries(
    {"sagemaker_program": some.sampled_from(['"train.py"', "train.py", "src/train.py", '"run.sh"'])},
    optional={
        "sagemaker_container_log_level": some.sampled_from(["10", "20", "30", '"20"']),
        "sagemaker_enable_cloudwatch_metrics": some.sampled_from(["true", "false"]),
        "sagemaker_job_name": some.just('"my-job"'),
        "sagemaker_region": some.just('"eu-west-1"'),
        "sagemaker_s3_output": some.just('"s3://bucket/out"'),
        "sagemaker_submit_directory": some.just('"s3://bucket/source.tar.gz"'),
    },
)
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Channel.html
channels = some.dictionaries(
    some.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=64),
    some.fixed_dictionaries({"TrainingInputMode": some.sampled_from(["File", "Pipe"])}),
    max_size=4,
)


@given(own=hyperparameters, framework=framework, channels=channels, host=some.sampled_from(["algo-1", "algo-2"]))
@settings(deadline=None, max_examples=100)
def test_arguments_and_variables_are_those_of_the_toolkit(
    toolkit: ModuleType, own: dict[str, str], framework: dict[str, str], channels: dict[str, Any], host: str
) -> None:
    base = Path(toolkit.base_dir)
    resources = environment.describe_resources(host, ["algo-1", "algo-2"], "ml.m5.large")
    given_files = {"hyperparameters": own | framework, "resourceconfig": resources, "inputdataconfig": channels}
    (base / "input" / "config").mkdir(parents=True, exist_ok=True)
    for name, content in given_files.items():
        (base / "input" / "config" / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINING_JOB_NAME", "my-job-1")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        ours = environment.read(base)
        got = (ours.arguments, ours.variables)
        theirs = toolkit.Environment()
        own_variables = {name: os.environ.pop(name) for name in SET_BY_THE_TOOLKIT}
    assert got == (theirs.to_cmd_args(), theirs.to_env_vars() | own_variables)


@pytest.mark.usefixtures("toolkit")
@given(name=some.text("a/.-_+ ~\n", max_size=8) | some.sampled_from(["train.py", "src/train.py", "../x.py", "a b.py"]))
def test_a_program_has_the_names_that_the_toolkit_accepts(name: str) -> None:
    from sagemaker_training import errors, process

    try:
        accepted = process.validate_entry_point(name) == name
    except errors.ClientError:
        accepted = False
    assert train.is_valid_program(name) == accepted


@pytest.mark.parametrize("has_setup", [True, False])
@pytest.mark.parametrize("name", ["train.py", "src/train.py", "train.sh", "tool", "bin/run"])
@pytest.mark.usefixtures("toolkit")
def test_the_kind_of_a_program_is_that_of_the_toolkit(tmp_path: Path, name: str, has_setup: bool) -> None:
    from sagemaker_training import _entry_point_type

    (tmp_path / ("setup.py" if has_setup else "pyproject.toml")).touch()
    kinds = {"PYTHON_PACKAGE": "package", "PYTHON_PROGRAM": "script", "COMMAND": "command"}
    assert train.choose_kind(tmp_path, name) == kinds[_entry_point_type.get(str(tmp_path), name).name]


def test_a_job_of_the_engine_gives_what_the_toolkit_gives(engine: Engine) -> None:
    world = Trainer(engine)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{world.bucket}/data"}}
    world.put("data/a", "a")
    given_values = {
        "depth": '{"b": [1, 2], "a": 1}', "nothing": "null", "n": "true", "float": "1e-05", "é": "ü",
        "sagemaker_container_log_level": "30", "sagemaker_job_name": '"my-job"', "sagemaker_s3_output": '"s3://b/x"',
    }  # fmt: skip
    name = world.start(
        COMPARES,
        HyperParameters=given_values,
        InputDataConfig=[{"ChannelName": name, "DataSource": source} for name in ("train", "my-data")],
        Environment={"COLOUR": "blue"},
    )
    job = world.finish(name)
    assert job["TrainingJobStatus"] == "Completed", job
    lines = world.read_logs(TRAINING_LOGS, name)
    assert not any("Invoking user script" in line for line in lines), "the log level is above INFO"
    seen = json.loads(next(line for line in lines if line.startswith('{"got"')))
    assert seen["got"]["arguments"] == seen["arguments"]
    variables: Mapping[str, str] = seen["got"]["variables"]
    assert {key: value for key, value in variables.items() if key.startswith("SM_")} == seen["variables"]
    assert variables["COLOUR"] == "blue"
    assert set(variables) > OURS
