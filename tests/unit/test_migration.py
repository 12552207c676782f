"""Documents in the form of aws-sagemaker-build become valid documents, and every difference is reported."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sagebuild.client.migration.document import Migration, migrate_document
from sagebuild.client.migration.report import describe_migration
from sagebuild.errors import InputError, ParameterError
from sagebuild.parameters import MODELS
from tests.engine import ROOT
from tests.unit.conversions import build

FILES = Path(__file__).with_name("predecessor")
NAMES = sorted(file.stem for file in FILES.glob("*.json"))
RESOURCES = {"traininstancetype": "ml.m5.large", "traininstancecount": 1, "trainvolumesize": 10, "trainmaxrun": 4}
HOSTING = {"hostinstancetype": "ml.t2.medium", "hostinstancecount": 1, "modelhostingenvironment": {}}
DEFAULTS = {
    **RESOURCES,
    **HOSTING,
    "inputmode": "File",
    "configtrain": "SAGEMAKER",
    "maxtrainingjobs": 1,
    "maxparalleltrainingjobs": 1,
}
SCRIPT = {
    "trainentrypoint": "mnist.py",
    "trainsourcefile": "script.tar.gz",
    "hostentrypoint": "mnist.py",
    "hostsourcefile": "script.tar.gz",
    "pyversion": "py3",
    "enablecloudwatchmetrics": False,
    "containerloglevel": 200,
}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "amazon": {
        "framework": "AMAZON",
        "algorithm": "linear-learner",
        **DEFAULTS,
        "traininstancetype": "ml.c4.xlarge",
        "hyperparameters": {"feature_dim": "784", "predictor_type": "binary_classifier", "mini_batch_size": "200"},
        "channels": {"train": {"path": "train/mnist-linear", "dist": "FullyReplicated"}},
        "Tags": {"team": "vision"},
    },
    "amazon-xgboost": {
        "framework": "AMAZON",
        "algorithm": "xgboost",
        "frameworkversion": "1",
        **DEFAULTS,
        "inputmode": "Pipe",
        "hyperparameters": {"num_round": "20"},
        "channels": {"train": {"path": "t/", "contentType": "text/csv", "InputMode": "File"}},
    },
    "byod": {
        "framework": "BYOD",
        "dockerfile_path_Training": "training/docker",
        "dockerfile_path_Inference": "inference/docker",
        "sourcelocation": "https://github.com/acme/models",
        "train": False,
        "build": {"Training": True, "Inference": True},
        **DEFAULTS,
        "modelhostingenvironment": {"THREADS": "4"},
        "channels": {"train": {"uri": "s3://acme-lake/iris"}},
        "pipeline": [
            {"tag": "Scale_v3", "environment": {"THREADS": "4"}},
            {"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/own:2", "environment": {"THREADS": "4"}},
        ],
        "deployEndpoint": False,
    },
    "chainer": {
        "framework": "CHAINER",
        "frameworkversion": "4.1.0",
        **DEFAULTS,
        **SCRIPT,
        "channels": {"training": {"uri": "s3://lake/a"}},
    },
    "mxnet-tuning": {
        "framework": "MXNET",
        "mxnetversion": "1.1",
        **DEFAULTS,
        **SCRIPT,
        "pyversion": "py2",
        "configtrain": "SAGEMAKERHPO",
        "maxtrainingjobs": 4,
        "maxparalleltrainingjobs": 2,
        "tuningobjective": {
            "Name": "Validation-accuracy",
            "Regex": "Validation-accuracy=([0-9\\.]+)",
            "Type": "Maximize",
        },
        "hyperparameters": {
            "optimizer": {"Values": ["sgd", "Adam"]},
            "learning_rate": {"MinValue": 0.01, "MaxValue": 0.02},
            "num_epoch": {"MinValue": 10, "MaxValue": 50, "integer": True},
            "hidden": [64, 10],
        },
        "channels": {"train": {"path": "mnist/train"}, "test": {"path": "mnist/test", "dist": "ShardedByS3Key"}},
        "parentJobs": ["0f3a9c"],
        "WarmStartType": "TransferLearning",
    },
    "pytorch": {
        "framework": "PYTORCH",
        "frameworkversion": "1.0.0",
        **DEFAULTS,
        **SCRIPT,
        "modelhostingenvironment": {"A": "1"},
        "ModelArtifacts": "s3://models/a/model.tar.gz",
        "skiptrain": True,
        "channels": {"training": {"uri": "s3://lake/a", "type": "S3Prefix"}},
    },
    "scikit": {
        "framework": "SCIKIT",
        "frameworkversion": "0.20.0",
        **DEFAULTS,
        **SCRIPT,
        "skiptrain": True,
        "hyperparameters": {"depth": 3},
        "metrics": [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}],
        "channels": {"training": {"path": "train"}},
    },
    "tensorflow": {
        "framework": "TENSORFLOW",
        "tensorflowversion": "1.8",
        **DEFAULTS,
        **SCRIPT,
        "pyversion": "py2",
        "trainingsteps": 2000,
        "traininstancecount": 2,
        "traininstancetype": "ml.c4.xlarge",
        "hyperparameters": {
            "training_steps": 1000,
            "evaluation_steps": 100,
            "checkpoint_path": "s3://mnist-checkpointbucket-1a2b3c/c",
        },
        "channels": {"training": {"path": "train/mnist-dist", "dist": "FullyReplicated"}},
    },
}


def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FILES / f"{name}.json").read_text(encoding="utf-8"))
    return document


def migrate(document: dict[str, Any], framework: str | None = None) -> Migration:
    return migrate_document(json.dumps(document), framework)


def reasons(migration: Migration, name: str) -> list[tuple[str, str]]:
    return [(change.action, change.reason) for change in migration.changes if change.name == name]


@pytest.mark.parametrize("name", NAMES)
def test_a_document_of_each_framework_is_converted(name: str) -> None:
    migration = migrate(read(name))
    assert migration.problems == ()
    assert migration.document == DOCUMENTS[name]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_kept_with_its_value_or_reported(name: str) -> None:
    old, migration = read(name), migrate(read(name))
    reported = {change.name.partition(".")[0].partition("[")[0] for change in migration.changes}
    unreported = {each for each in old if each not in reported}
    assert {each: migration.document.get(each) for each in unreported} == {each: old[each] for each in unreported}
    added = migration.document.keys() - old.keys()
    assert added <= {"sourcelocation", "skiptrain", "mxnetversion"}


@pytest.mark.parametrize("name", [name for name in NAMES if name in ("amazon", "chainer", "mxnet-tuning")])
def test_a_converted_document_makes_requests(name: str) -> None:
    requests = build(migrate(read(name)).document)
    assert requests.keys() & {"training", "tuning"}


def test_what_the_deployment_sets_is_reported_with_its_option() -> None:
    migration = migrate(read("byod"))
    assert reasons(migration, "buckettriggerbuild") == [
        ("moved", 'deploy with --param="uploadTrigger=true"; docs/triggers.md')
    ]
    assert reasons(migration, "branchbuildtrigger") == [
        ("moved", "deploy with githubRepository=OWNER/NAME and githubBranch=release; docs/triggers.md")
    ]
    assert reasons(migration, "colour") == [
        ("dropped", "neither aws-sagemaker-build nor sagebuild has this parameter")
    ]  # fmt: skip


def test_a_repository_of_codecommit_is_the_source_of_the_images() -> None:
    names = {"externalgithubrepo": "USE_CODECOMMIT_REPO", "externalcodecommitrepo": "models", "branchbuildtrigger": "b"}
    migration = migrate(read("byod") | names)
    assert migration.document["sourcelocation"] == "codecommit::models"
    assert reasons(migration, "branchbuildtrigger")[0][1].startswith("deploy with codecommitRepository=models")
    own = migrate(read("byod") | names | {"externalcodecommitrepo": "CREATE_REPO"})
    assert reasons(own, "sourcelocation")[0][0] == "kept"


def test_a_version_without_images_is_replaced_by_the_default() -> None:
    migration = migrate(read("scikit") | {"frameworkversion": "0.19.0"})
    default = MODELS["SCIKIT"].model_fields["frameworkversion"].default
    assert migration.document["frameworkversion"] == default
    assert ("defaulted", f"it is {default}; AWS has no image of SCIKIT 0.19.0") in reasons(
        migration, "frameworkversion"
    )


def test_the_shared_default_version_does_not_hide_the_framework_s_own() -> None:
    old = read("mxnet-tuning") | {"frameworkversion": "1.0.0", "mxnetversion": "1.2"}
    assert migrate(old).document["mxnetversion"] == "1.2"


def test_a_python_without_image_is_reported() -> None:
    migration = migrate(read("tensorflow") | {"pyversion": "py3"})
    assert reasons(migration, "pyversion") == [
        ("kept", "TENSORFLOW 1.8 has py2 only, so the training image has py2 instead of py3.")
    ]


def test_an_artifact_without_skiptrain_is_reported() -> None:
    old = read("pytorch")
    del old["skiptrain"]
    assert reasons(migrate(old), "ModelArtifacts")[0][0] == "kept"


def test_the_framework_of_a_document_without_one_is_found_by_its_names_or_asked_for() -> None:
    old = {"tensorflowversion": "1.8", "trainentrypoint": "a.py", "trainsourcefile": "a.tar.gz"}
    assert migrate(old).document["framework"] == "TENSORFLOW"
    assert migrate(old, "PYTORCH").document["framework"] == "PYTORCH"
    with pytest.raises(InputError, match="names no framework; pass --framework with one of TENSORFLOW"):
        migrate({"trainentrypoint": "a.py"})
    with pytest.raises(InputError, match="framework is RL; pass --framework"):
        migrate({"configframework": "RL"})
    with pytest.raises(ParameterError, match="The old document"):
        migrate_document("[]")


def test_a_document_that_stays_invalid_has_problems() -> None:
    migration = migrate(read("scikit") | {"traininstancecount": "2"})
    (problem,) = migration.problems
    assert problem.startswith("traininstancecount is 2; it must be 1")
    lines = list(describe_migration(migration))
    assert lines[-2:] == ["A build would refuse the document:", f"- {problem}"]
    assert "Renamed, with the same meaning:" in lines


# The parameters and outputs of https://github.com/aws-samples/aws-sagemaker-build, templates/main/info.
OLD_PARAMETERS = """Parameters AssetBucket AssetPrefix ExternalTrainingPolicy ExternalHostingPolicy ConfigFramework
BucketTriggerBuild ConfigDeploy Type NoteBookInstanceType ExternalDataBucket ExternalCodeBucket ExternalLaunchTopic
ExternalCodeCommitRepo ExternalGithubRepo BranchBuildTrigger EndpointConfigLambda TrainingConfigLambda
ModelConfigLambda ETLStepFuction PostProcessStepFuction"""
OLD_OUTPUTS = """CodeBucket TrainingRoleArn TrainingRole ModelRole AlexaLambdaArn ParameterStore NoteBookUrl
NoteBookInstance NoteBookInstanceName DashboardUrl TrainStatusTopic LaunchTopic RollbackTopic SageMakerEndpoint
StateMachine DataBucket TrainingConfigLambda EndpointConfigLambda ModelConfigLambda RepoUrl StepFunctionConsole"""


@pytest.mark.parametrize(("heading", "names"), [("Deploy parameters", OLD_PARAMETERS), ("Outputs", OLD_OUTPUTS)])
def test_the_page_maps_every_parameter_and_output_to_names_that_exist(heading: str, names: str) -> None:
    page = (ROOT / "docs" / "migrate.md").read_text(encoding="utf-8")
    rows = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0].splitlines()
    cells = [row.strip("| ").split(" | ") for row in rows if row.startswith("| `")]
    assert {name for old, _ in cells for name in re.findall("`(.+?)`", old)} == set(names.split())
    files = (ROOT / "serverless.yml", ROOT / "resources" / "operations.yml", ROOT / "resources" / "notebook.yml")
    service = "\n".join(path.read_text(encoding="utf-8") for path in files)
    for new in {name for _, text in cells for name in re.findall(r"`([A-Za-z]+)`", text)}:
        assert f" {new}:" in service or any(new in model.model_fields for model in MODELS.values()), new
