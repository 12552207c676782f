"""A value that a user types is read by the kind of value that the parameter takes."""

from typing import Any

import pytest

from sagebuild.errors import InputError, ParameterNotFoundError
from sagebuild.parameters import MODELS, default_document
from sagebuild.parameters.changes import change_document
from sagebuild.parameters.dotted import read_path, remove_path, set_path
from sagebuild.parameters.merging import override_document
from sagebuild.parameters.places import Place, find_place
from sagebuild.parameters.typed_text import read_typed


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        # Text stays text.
        ("frameworkversion", "1.2", "1.2"),
        ("frameworkversion", '"1.2"', "1.2"),
        ("tensorflowversion", "2.14", "2.14"),
        ("tensorflowversion", "2.10", "2.10"),
        ("sourceversion", "1e3", "1e3"),
        ("trainsourcefile", "123", "123"),
        ("environment.RELEASE", "1.10", "1.10"),
        ("environment.EMPTY", "", ""),
        ("Tags.cost-centre", "007", "007"),
        ("Tags.note", "null", "null"),
        ("channels.train.contentType", "text/csv", "text/csv"),
        ("channels.train.AttributeNames", '["1.10"]', ["1.10"]),
        ("tuningobjective.Regex", "loss=([0-9.]+)", "loss=([0-9.]+)"),
        # Numbers, booleans and words
        ("trainvolumesize", "20", 20),
        ("trainvolumesize", "2e1", 20),
        ("trainmaxrun", "0.50", 0.5),
        ("autoscaling.target", "70", 70),
        ("qualitygate.minimum", "0.90", 0.9),
        ("skiptrain", "true", True),
        ("skiptrain", "False", False),
        ("build.Training", "false", False),
        ("framework", "amazon", "AMAZON"),
        ("inputmode", "fastfile", "FastFile"),
        ("uri", "null", None),
        ("uri", "none", "none"),
        # What the parameter does not take stays as it was typed, for the error message.
        ("trainvolumesize", "lots", "lots"),
        ("trainvolumesize", "1.5", 1.5),
        ("skiptrain", "yes", "yes"),
        ("framework", "SKLEARN", "SKLEARN"),
        # Any JSON value, and text
        ("hyperparameters.x", "20", 20),
        ("hyperparameters.x", "-0.5", -0.5),
        ("hyperparameters.x", "1.0", 1.0),
        ("hyperparameters.x", "1.10", "1.10"),
        ("hyperparameters.x", "1e3", 1000),
        ("hyperparameters.x", "1e-4", 0.0001),
        ("hyperparameters.x", "1e999", "1e999"),
        ("hyperparameters.x", "007", "007"),
        ("hyperparameters.x", "9" * 25, "9" * 25),
        ("hyperparameters.x", "NaN", "NaN"),
        ("hyperparameters.x", "true", True),
        ("hyperparameters.x", '"true"', "true"),
        ("hyperparameters.x", "null", None),
        ("hyperparameters.x", '"null"', "null"),
        ("hyperparameters.x", "soft", "soft"),
        ("hyperparameters.x", "größe", "größe"),
        ("hyperparameters.x", "[1, 2]", [1, 2]),
        ("hyperparameters.x.y", "1.10", "1.10"),
        ("hyperparameters.x.MinValue", "0.10", 0.1),
        ("hyperparameters.x.integer", "true", True),
        ("hyperparameters.x.Values", '["1.10", "true", 3]', ["1.10", "true", 3]),
        ("smoketest.body", '{"a": 1}', {"a": 1}),
        ("metrics", '[{"Name": "a"}]', [{"Name": "a"}]),
        ("unknown", "5", 5),
    ],
)
def test_a_typed_value_is_read_by_its_kind(path: str, text: str, value: Any) -> None:
    read = read_typed(path, text)
    assert (read, type(read)) == (value, type(value))


def test_a_parameter_has_one_kind_of_value_in_all_frameworks() -> None:
    for name in set(Place(models=tuple(MODELS.values())).names) - {"framework"}:
        places = [find_place([name], framework) for framework, model in MODELS.items() if name in model.model_fields]
        kinds = {repr(place and (place.kind, place.models, place.entries)) for place in places}
        assert len(kinds) == 1, name


def test_a_name_in_the_document_may_contain_dots() -> None:
    document: dict[str, Any] = {"hyperparameters": {"eval.metric": "auc", "a": {"b.c": 1}}}
    set_path(document, "hyperparameters.eval.metric", "rmse")
    set_path(document, "hyperparameters.a.b.c", 2)
    assert document == {"hyperparameters": {"eval.metric": "rmse", "a": {"b.c": 2}}}
    assert read_path(document, "hyperparameters.eval.metric") == "rmse"
    remove_path(document, "hyperparameters.eval.metric")
    assert document == {"hyperparameters": {"a": {"b.c": 2}}}


def test_an_object_takes_the_place_of_none_and_of_a_fixed_value() -> None:
    document: dict[str, Any] = {"autoscaling": None, "serverless": "none", "hyperparameters": {"lr": 0.5}}
    for path in ("autoscaling.minimum", "serverless.memory", "hyperparameters.lr.MinValue"):
        set_path(document, path, 1)
    assert document == {
        "autoscaling": {"minimum": 1},
        "serverless": {"memory": 1},
        "hyperparameters": {"lr": {"MinValue": 1}},
    }


@pytest.mark.parametrize("path", ["", ".", "hyperparameters.", ".epochs", "a..b"])
def test_a_dotted_name_has_no_empty_part(path: str) -> None:
    with pytest.raises(InputError, match="is not a name; a dot stands between two names"):
        set_path({}, path, 1)


def test_the_address_of_an_object_sets_its_member() -> None:
    document: dict[str, Any] = {"channels": {"train": {"path": "train/", "contentType": "text/csv"}}}
    set_path(document, "channels.train", "s3://bucket/iris/")
    set_path(document, "channels.test", "s3://bucket/test/")
    set_path(document, "checkpoints", "s3://bucket/checkpoints/")
    set_path(document, "asynchronous", "s3://bucket/answers/")
    set_path(document, "hyperparameters.data", "s3://bucket/more/")
    set_path(document, "uri", "s3://bucket/all/")
    assert document == {
        "channels": {
            "train": {"contentType": "text/csv", "uri": "s3://bucket/iris/"},
            "test": {"uri": "s3://bucket/test/"},
        },
        "checkpoints": {"uri": "s3://bucket/checkpoints/"},
        "asynchronous": {"output": "s3://bucket/answers/"},
        "hyperparameters": {"data": "s3://bucket/more/"},
        "uri": "s3://bucket/all/",
    }


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("nope", "'nope' is not a parameter of SCIKIT; docs/parameters.md lists the parameters. A hyperparameter is "
         "given as hyperparameters.nope."),
        ("trainVolumeSize", "'trainVolumeSize' is not a parameter of SCIKIT; did you mean 'trainvolumesize'?"),
        ("epochs", "'epochs' is not a parameter of SCIKIT; did you mean 'hyperparameters.epochs'?"),
        ("epoch", "'epoch' is not a parameter of SCIKIT; did you mean 'hyperparameters.epochs'?"),
        ("minimum", "'minimum' is not a parameter of SCIKIT; did you mean 'qualitygate.minimum' or "
         "'autoscaling.minimum'?"),
        ("algorithm", "'algorithm' belongs to framework AMAZON; this document's framework is SCIKIT."),
        ("spot", "spot is not in the document, so its default applies: false."),
        ("uri", "uri is not in the document; it has no default value (docs/parameters.md)."),
        ("hyperparameters.Epochs", "hyperparameters.Epochs is not in the document; did you mean "
         "'hyperparameters.epochs'?"),
        ("autoscaling.minimum", "autoscaling is not in the document; it has no default value (docs/parameters.md)."),
        ("trainmaxrun.hours", "trainmaxrun.hours is not in the document."),
    ],
)  # fmt: skip
def test_an_absent_name_is_explained(path: str, sentence: str) -> None:
    document = {"framework": "SCIKIT", "hyperparameters": {"epochs": 3}, "trainmaxrun": 1}
    with pytest.raises(ParameterNotFoundError) as absent:
        read_path(document, path, "SCIKIT")
    assert str(absent.value) == sentence
    with pytest.raises(ParameterNotFoundError):
        remove_path(document, path, "SCIKIT")


def test_another_framework_removes_what_is_not_for_it() -> None:
    own = {"trainentrypoint": "train.py", "hyperparameters": {"k": 3}, "trainvolumesize": 20, "foo": 1}
    metrics = {"metrics": [{"Name": "a", "Regex": "a=(.*)"}], "tuningobjective": {"Name": "a", "Regex": "a=(.*)"}}
    document = default_document("SCIKIT") | own | metrics
    after, problems = change_document(document, {"framework": "amazon", "algorithm": "kmeans"})
    assert problems == []
    assert after == default_document("AMAZON") | {
        "framework": "amazon",
        "algorithm": "kmeans",
        "hyperparameters": {"k": 3},
        "trainvolumesize": 20,
        "foo": 1,
        "tuningobjective": {"Name": "a"},
    }
    assert document["trainentrypoint"] == "train.py"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"framework": "PYTORCH"}, "2.6.0"),
        ({"framework": "PYTORCH", "frameworkversion": "2.1"}, "2.1"),
        ({"framework": "AMAZON"}, None),
        ({"framework": " scikit "}, "1.2-1"),
        ({"framework": "SKLEARN"}, "1.2-1"),
    ],
)
def test_another_framework_has_its_own_version(changes: dict[str, Any], expected: str | None) -> None:
    for document in ({"framework": "SCIKIT", "frameworkversion": "1.2-1"}, {"frameworkversion": "1.2-1"}):
        assert change_document(document, changes, (), "SCIKIT")[0].get("frameworkversion") == expected
        assert override_document(document, changes, "SCIKIT").get("frameworkversion") == expected


def test_a_default_of_the_earlier_framework_becomes_that_of_the_new_one() -> None:
    before = {"framework": "HUGGINGFACE", "traininstancetype": "ml.g4dn.xlarge", "trainvolumesize": 10}
    after, _ = change_document(before, {"framework": "SCIKIT"})
    assert after == {"framework": "SCIKIT", "traininstancetype": "ml.m5.large", "trainvolumesize": 10}
    assert change_document({"framework": "SCIKIT"}, {}, ["framework"], "PYTORCH")[0] == {}
