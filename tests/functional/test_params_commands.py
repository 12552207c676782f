"""The commands for parameters, through the command line's own entry, on a document in moto."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from sagebuild.builds.records import Trigger, read_build
from sagebuild.changes.apply import apply_change
from sagebuild.changes.plan import plan_change
from sagebuild.cli import completion
from sagebuild.cli.app import app
from sagebuild.cli.bash_words import ASSIGNED, join_assignments
from sagebuild.cli.session import Session
from sagebuild.client.document import Parameters
from sagebuild.client.launch_requests import build_overrides
from sagebuild.client.stack import Stack as Client
from sagebuild.errors import InputError, ParameterError, ParameterNotFoundError
from sagebuild.launch.start import launch_build
from sagebuild.parameters import default_document
from sagebuild.parameters.overrides import parse_overridden
from sagebuild.parameters.store import write_document, write_text
from tests.functional.conftest import REGION, Stack

DOCUMENT = {"framework": "SCIKIT", "trainentrypoint": "train.py", "trainsourcefile": "a.tar.gz"}


@pytest.fixture
def client(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Client:
    """The stack that every command finds."""
    write_document(stack.service, DOCUMENT, overwrite=True)
    client = Client(stack.service, lambda name: boto3.client(name, region_name=REGION), {})  # type: ignore[call-overload]
    monkeypatch.setattr(Session, "stack", client)
    return client


@pytest.fixture
def parameters(client: Client) -> Parameters:
    return client.parameters


def run(*arguments: str, given: str | bytes | None = None) -> Any:
    """The result of a command that succeeds: its JSON."""
    result = CliRunner().invoke(app, [*arguments, "--json"], input=given)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refusal_of(*arguments: str, given: str | bytes | None = None) -> str:
    """The message of a command that is refused."""
    result = CliRunner().invoke(app, [*arguments, "--json"], input=given)
    assert (result.exit_code, result.stdout) == (1, "")
    return str(json.loads(result.stderr)["error"]["message"])


def test_another_framework_is_set_with_its_own_names_in_one_command(parameters: Parameters) -> None:
    changes = run("params", "set", "framework=amazon", "algorithm=kmeans", "hyperparameters.k=10")["changes"]
    assert changes[0] == {"name": "framework", "before": "SCIKIT", "after": "AMAZON"}
    assert {"name": "trainentrypoint", "before": "train.py"} in changes
    assert parameters.document == {"framework": "AMAZON", "algorithm": "kmeans", "hyperparameters": {"k": 10}}
    assert parameters.check().framework == "AMAZON"
    parameters.set(framework="TENSORFLOW", tensorflowversion="2.14")
    assert parameters.document == {
        "framework": "TENSORFLOW",
        "tensorflowversion": "2.14",
        "hyperparameters": {"k": 10},
    }
    parameters.set(framework="SCIKIT")
    parameters.reset()
    assert refusal_of("params", "set", "framework=AMAZON", "trainentrypoint=train.py").splitlines() == [
        "algorithm is missing; it must be one of blazingtext, factorization-machines, forecasting-deepar, "
        "image-classification, ipinsights, kmeans, knn, lda, linear-learner, ntm, object-detection, object2vec, pca, "
        "randomcutforest, semantic-segmentation, seq2seq, xgboost.",
        "'trainentrypoint' belongs to frameworks TENSORFLOW, MXNET, PYTORCH, SCIKIT, CHAINER, XGBOOST, HUGGINGFACE; "
        "this document's framework is AMAZON.",
    ]
    assert parameters.document == default_document("SCIKIT")


def test_a_document_is_reset_to_another_framework_with_what_it_requires(parameters: Parameters) -> None:
    assert "algorithm is missing" in refusal_of("params", "reset", "--framework", "AMAZON", "--yes")
    assert parameters.document == DOCUMENT
    run("params", "reset", "--framework", "AMAZON", "algorithm=xgboost", "frameworkversion=1.7-1", "--yes")
    asked = {"algorithm": "xgboost", "frameworkversion": "1.7-1"}
    assert parameters.document == default_document("AMAZON") | asked
    parameters.reset("TENSORFLOW", {"tensorflowversion": "2.14"})
    assert parameters["tensorflowversion"] == "2.14"
    assert "pass --yes to confirm" in refusal_of("params", "reset")


def test_one_build_may_have_another_framework(client: Client, stack: Stack) -> None:
    overrides = build_overrides(client.service, {"framework": "AMAZON", "algorithm": "kmeans", "hyperparameters.k": 3})
    assert overrides == {"framework": "AMAZON", "algorithm": "kmeans", "hyperparameters": {"k": 3}}
    wanted = parse_overridden(json.dumps(DOCUMENT), json.dumps(overrides), "SCIKIT")
    assert (wanted.framework, wanted.hyperparameters) == ("AMAZON", {"k": 3})
    launch_build(stack.service, Trigger("command"), overrides)
    assert json.loads(read_build(stack.service, 1).overrides) == overrides
    with pytest.raises(ParameterError, match="algorithm is missing"):
        build_overrides(client.service, {"framework": "AMAZON"})


def test_a_refused_change_names_every_problem(client: Client, parameters: Parameters) -> None:
    changes = {
        "epochs": 5,
        "autoscaling.minimum": 1,
        "trainvolumesize": "lots",
        "trainmaxrun.": 3,
        "framework": "MXNET",
    }
    sentences = [
        "'trainmaxrun.' is not a name; a dot stands between two names: hyperparameters.epochs.",
        "autoscaling.maximum is missing; it must be a whole number from 1 to 10000.",
        "autoscaling.target is missing; it must be a number.",
        'trainvolumesize is "lots"; it must be a whole number of GB from 1 to 16384.',
        "'epochs' is not a parameter of MXNET; docs/parameters.md lists the parameters. A hyperparameter is given as "
        "hyperparameters.epochs.",
    ]
    typed = [f"{name}={value}" for name, value in changes.items()]
    assert sorted(refusal_of("params", "set", *typed).splitlines()) == sorted(sentences)
    assert sorted(refusal_of("params", "reset", "--yes", *typed).splitlines()) == sorted(sentences)
    with pytest.raises(ParameterError) as refused:
        parameters.set(changes)
    assert sorted(str(refused.value).splitlines()) == sorted(sentences)
    with pytest.raises(ParameterError) as refused:
        build_overrides(client.service, changes)
    assert sorted(str(refused.value).splitlines()[:-1]) == sorted(sentences)
    with pytest.raises(InputError) as absent:
        parameters.change({}, ["absent", "trainvolumesize"])
    assert len(str(absent.value).splitlines()) == 2
    assert parameters.document == DOCUMENT


def test_a_name_is_given_once(parameters: Parameters) -> None:
    assert refusal_of("params", "set", "spot=true", "trainmaxrun=1", "spot=false", "--remove", "trainmaxrun", "x") == (
        "'x' is not an assignment; it must be NAME=VALUE.\n"
        "trainmaxrun is given more than once.\nspot is given more than once."
    )
    assert parameters.document == DOCUMENT


def test_typed_values_keep_the_kind_of_the_parameter(parameters: Parameters) -> None:
    run("params", "set", "frameworkversion=1.2", "hyperparameters.depth=1.10", "trainmaxrun=0.5", "spot=false")
    asked = {"frameworkversion": "1.2", "hyperparameters": {"depth": "1.10"}, "trainmaxrun": 0.5, "spot": False}
    assert parameters.document == DOCUMENT | asked
    run("params", "set", "channels.train=s3://bucket/iris/", "hyperparameters.depth=3", "--remove", "spot")
    assert parameters["channels"] == {"train": {"uri": "s3://bucket/iris/"}}
    assert parameters["hyperparameters.depth"] == 3


def test_the_document_is_replaced_by_a_file(parameters: Parameters, tmp_path: Path) -> None:
    file = tmp_path / "document.json"
    file.write_text('\ufeff{"framework": "SCIKIT",\n\t"trainmaxrun": 0.50}\n', encoding="utf-8")
    changes = run("params", "replace", str(file))["changes"]
    assert changes[-1] == {"name": "trainmaxrun", "after": 0.5}
    assert parameters.text == '{"framework": "SCIKIT",\n\t"trainmaxrun": 0.50}'
    run("params", "replace", "-", given=json.dumps(DOCUMENT))
    assert parameters.document == DOCUMENT
    assert [version.number for version in parameters.history()] == [3, 2, 1]
    assert refusal_of("params", "replace", "-", given='{"framework": "SCIKIT", "spto": true, "trainmaxrun": 0}') == (
        "trainmaxrun is 0; it must be a number of hours from 0.001 to 672.\n"
        "'spto' is not a parameter of SCIKIT; did you mean 'spot'?"
    )
    assert "is not JSON" in refusal_of("params", "replace", "-", given="")
    assert refusal_of("params", "replace", "-", given=b"\xff\xfe{") == "- is not UTF-8 text; save it as UTF-8."
    assert "absent cannot be read: No such file" in refusal_of("params", "replace", str(tmp_path / "absent"))
    assert "cannot be read: Is a directory" in refusal_of("params", "replace", str(tmp_path))
    assert parameters.document == DOCUMENT


def test_each_undo_goes_one_change_further_back(parameters: Parameters) -> None:
    for hours in (1, 2, 3):
        parameters.set(trainmaxrun=hours)
    undone = [run("params", "undo") for _ in range(3)]
    assert [(one["undone"], one["restored"]) for one in undone] == [(4, 3), (5, 2), (6, 1)]
    assert undone[0]["changes"] == [{"name": "trainmaxrun", "before": 3, "after": 2}]
    assert parameters.document == DOCUMENT
    assert "has no earlier version" in refusal_of("params", "undo")
    assert [version["restores"] for version in run("params", "history")] == [1, 2, 3, None, None, None, None]
    # What was undone is restored by its number, and undone again.
    assert run("params", "undo", "4")["restored"] == 4
    assert parameters["trainmaxrun"] == 3
    parameters.undo()
    assert parameters["trainmaxrun"] == 2
    # A new change follows what was restored.
    parameters.set(trainmaxrun=9)
    assert [parameters.undo().restored for _ in range(3)] == [3, 2, 1]


def test_an_edit_in_the_console_after_an_undo_is_a_change(client: Client, parameters: Parameters) -> None:
    parameters.set(trainmaxrun=1)
    parameters.set(trainmaxrun=2)
    parameters.undo()
    ssm, name = client.service.ssm, parameters.name
    kept = ssm.describe_parameters()["Parameters"][0]["Description"]
    assert kept.endswith("This version restores version 2.")
    edited = json.dumps(DOCUMENT | {"trainmaxrun": 5})
    ssm.put_parameter(Name=name, Value=edited, Description=kept, Type="String", Overwrite=True)
    assert parameters.history()[0].restores is None
    assert [parameters.undo().after.get("trainmaxrun") for _ in range(2)] == [1, None]
    write_text(client.service, "{oops", overwrite=True)
    parameters.undo()
    assert parameters.document == DOCUMENT


def test_voice_and_undo_agree_on_the_versions(client: Client, parameters: Parameters) -> None:
    parameters.set(trainmaxrun=1)
    parameters.undo()
    planned = plan_change(client.service, "set parameters", parameters={"trainmaxrun": 1.5})
    apply_change(client.service, planned.token, by="voice")
    assert parameters["trainmaxrun"] == 1.5
    parameters.undo()
    assert parameters.document == DOCUMENT


def test_an_absent_name_is_an_error_that_names_similar_ones(parameters: Parameters) -> None:
    assert run("params", "get", "trainentrypoint") == "train.py"
    assert "'nope' is not a parameter of SCIKIT" in refusal_of("params", "get", "nope")
    assert "did you mean 'trainmaxrun'?" in refusal_of("params", "get", "trainmaxrn")
    assert "its default applies: 4." in refusal_of("params", "get", "trainmaxrun")
    with pytest.raises(ParameterNotFoundError, match="did you mean 'trainmaxrun'"):
        parameters["trainmaxrn"]
    assert parameters.get("trainmaxrun", 7) == 7
    assert "trainmaxrun" not in parameters
    parameters.set({"hyperparameters.epochs": 3})
    assert (parameters["hyperparameters.epochs"], "hyperparameters.epochs" in parameters) == (3, True)


def test_editing_needs_a_terminal_and_an_editor(
    client: Client, parameters: Parameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client
    monkeypatch.setenv("EDITOR", "true")
    assert refusal_of("params", "edit") == (
        "There is no terminal to edit in. Use 'sagebuild params set NAME=VALUE', or 'sagebuild params replace FILE' "
        "with the whole document."
    )
    assert parameters.document == DOCUMENT


def test_the_shell_completes_from_the_document(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.parameters.set({"framework": "XGBOOST", "hyperparameters.num_round": 30})
    monkeypatch.setattr(completion, "connect", lambda *_given, **_options: client)

    def complete(words: str) -> list[str]:
        asked = {"_SAGEBUILD_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        join_assignments(asked)
        monkeypatch.setenv(ASSIGNED, asked.get(ASSIGNED, ""))
        return CliRunner().invoke(app, prog_name="sagebuild", env=asked).stdout.split()

    assert complete("sagebuild params get hyperparameters.n") == ["hyperparameters.num_round"]
    assert complete("sagebuild params set --remove hyperparameters.n") == ["hyperparameters.num_round"]
    assert complete("sagebuild params set hyperparameters.num") == [
        "hyperparameters.num_round=",
        "hyperparameters.num_round=30",
    ]
    assert complete("sagebuild params set hyperparameters.num_round =") == ["30"]
    assert complete("sagebuild params set frameworkversion = 3.") == ["3.2-0", "3.0-5"]
    assert complete("sagebuild params set distr") == []  # a name of other frameworks
    assert "ml.m5.large" in complete("sagebuild start --set traininstancetype = ml.m5.l")
