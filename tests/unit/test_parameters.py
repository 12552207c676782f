"""The parameter document: what is right is read as it was meant, what is wrong is said in a sentence."""

import json
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any, get_args

import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sagebuild.errors import ParameterError
from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.images.table import resolve_image
from sagebuild.parameters import (
    MODELS,
    BuildParameters,
    CategoricalRange,
    HuggingFaceParameters,
    NumericRange,
    default_document,
    parse_document,
    parse_parameters,
)
from sagebuild.parameters.frameworks import Algorithm
from sagebuild.parameters.instances import InstanceType
from sagebuild.parameters.json_text import format_document
from sagebuild.parameters.overrides import parse_overridden
from tests.unit.wrong_documents import REQUIRED, WRONG_DOCUMENTS, WRONG_TEXTS, channel, of, scikit, tuned, tuned_over

# The contract's table; frameworks of the same group share a row.
CONTRACT: dict[str, dict[str, Any]] = {
    "AMAZON": {
        "hyperparameters": {}, "hostinstancecount": 1, "hostinstancetype": "ml.t2.medium", "traininstancecount": 1,
        "traininstancetype": "ml.m5.large", "trainvolumesize": 10, "trainmaxrun": 4, "inputmode": "File",
        "modelhostingenvironment": {}, "maxtrainingjobs": 1, "maxparalleltrainingjobs": 1,
    },
    "BYOD": {
        "dockerfile_path_Training": "training/docker", "dockerfile_path_Inference": "inference/docker", "train": True,
        "build": {"Inference": True, "Training": True}, "TrainingImage": None, "InferenceImage": None,
    },
    "TENSORFLOW": {
        "tensorflowversion": "1.8", "trainingsteps": 1000, "evaluationsteps": 100, "requirementsfile": None,
        "trainentrypoint": None, "trainsourcefile": None, "hostentrypoint": None, "hostsourcefile": None,
        "pyversion": "py3", "enablecloudwatchmetrics": False, "containerloglevel": 200,
    },
    "MXNET": {
        "mxnetversion": "1.1", "trainentrypoint": None, "trainsourcefile": None, "hostentrypoint": None,
        "hostsourcefile": None, "pyversion": "py3", "enablecloudwatchmetrics": False, "containerloglevel": 200,
    },
}  # fmt: skip


@pytest.mark.parametrize("framework", CONTRACT)
def test_the_defaults_are_the_contract_s(framework: str) -> None:
    document = of(framework, **REQUIRED.get(framework, {}))
    read = parse_parameters(document).model_dump()
    assert {name: read[name] for name in CONTRACT[framework]} == CONTRACT[framework]


@pytest.mark.parametrize(("document", "sentences"), [(row[0], row[1:]) for row in WRONG_DOCUMENTS])
def test_an_invalid_document_has_a_sentence_for_each_problem(document: Any, sentences: tuple[str, ...]) -> None:
    assert _refusal_of(json.dumps(document)) == list(sentences)


@pytest.mark.parametrize(("text", "sentence"), WRONG_TEXTS)
def test_a_text_that_is_not_a_document_is_refused_with_the_place_of_the_problem(text: str, sentence: str) -> None:
    assert _refusal_of(text) == [sentence]


def _refusal_of(text: str, **options: Any) -> list[str]:
    with pytest.raises(ParameterError) as error:
        parse_document(text, **options)
    return str(error.value).splitlines()


@pytest.mark.parametrize(("parameters", "expected"), [
    ({"traininstancecount": " 1 "}, 1),
    ({"traininstancecount": 1.0}, 1),
    ({"hostinstancecount": "4.0"}, 4),
    ({"hostinstancecount": "1e2"}, 100),
    ({"trainvolumesize": "10"}, 10),
    ({"trainmaxrun": "0.5"}, 0.5),
    ({"trainmaxrun": 672}, 672),
    ({"skiptrain": "true"}, True),
    ({"deployEndpoint": " False "}, False),
    ({"inputmode": "fastfile"}, "FastFile"),
    ({"configtrain": "sagemaker"}, "SAGEMAKER"),
    ({"traininstancetype": " ml.p6-b200.48xlarge "}, "ml.p6-b200.48xlarge"),
    ({"frameworkversion": 1}, "1"),
    ({"requirementsfile": None}, None),
    ({"requirementsfile": "none"}, None),
    ({"trainsourcefile": "s3://code/year=2024/source.tar.gz"}, "s3://code/year=2024/source.tar.gz"),
    ({"trainsourcefile": "source.tar.gz"}, "source.tar.gz"),
    ({"modelhostingenvironment": {"WORKERS": 2, "DEBUG": True, "NAME": "x"}},
     {"WORKERS": "2", "DEBUG": "true", "NAME": "x"}),
    ({"Tags": {"team": "a", "cost": 7}}, {"team": "a", "cost": "7"}),
    ({"Tags": [{"Key": "team", "Value": "a"}]}, {"team": "a"}),
    ({"hyperparameters": {"C": "0.1", "layers": [8, 8], "deep": {"a": None}, "bias": False}},
     {"C": "0.1", "layers": [8, 8], "deep": {"a": None}, "bias": False}),
])  # fmt: skip
def test_what_a_person_types_is_read_as_it_was_meant(parameters: dict[str, Any], expected: object) -> None:
    (name,) = parameters
    value = getattr(parse_document(json.dumps(scikit(**parameters))), name)
    assert value == expected
    assert type(value) is type(expected) or isinstance(expected, float | int)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_framework_may_be_in_any_case_and_selects_the_model(framework: str) -> None:
    extra = REQUIRED.get(framework, {})
    assert type(parse_parameters(of(f" {framework.title()} ", **extra))) is MODELS[framework]


def test_a_document_without_a_framework_is_for_the_default_one() -> None:
    assert parse_document("{}", default_framework="scikit").framework == "SCIKIT"
    assert parse_document('{"framework": "MXNET"}', default_framework="SCIKIT").framework == "MXNET"
    (sentence,) = _refusal_of("{}", default_framework="SKLEARN")
    assert sentence.startswith('framework is "SKLEARN"; it must be one of TENSORFLOW, ')


def test_tuning_ranges_are_separated_from_plain_hyperparameters() -> None:
    read = parse_parameters(tuned(hyperparameters={
        "kernel": {"Values": ["rbf", 1, True]},
        "C": {"MinValue": "0.1", "MaxValue": "1e2", "ScalingType": "logarithmic"},
        "depth": {"MinValue": 2, "MaxValue": 8.0, "integer": "true"},
        "layers": {"first": 8},
    }))  # fmt: skip
    assert read.tuning_ranges == {
        "kernel": CategoricalRange(Values=("rbf", 1, True)),
        "C": NumericRange(MinValue=0.1, MaxValue=100, ScalingType="Logarithmic"),
        "depth": NumericRange(MinValue=2, MaxValue=8, integer=True),
    }
    assert read.static_hyperparameters == {"layers": {"first": 8}}


@pytest.mark.parametrize("document", [
    tuned(parentJobs=["tune-1"], WarmStartType="TransferLearning", maxtrainingjobs="2", maxparalleltrainingjobs="2"),
    tuned(tuningstrategy="grid", maxparalleltrainingjobs=2), tuned(tuningstrategy="Grid", maxtrainingjobs=2),
    tuned(tuningstrategy="Hyperband", hyperparameters={"epochs": 9, "C": {"MinValue": 1, "MaxValue": 2}}),
    tuned(tuningstrategy="random", earlystopping="auto"),
    tuned(tuningobjective={"Name": "acc", "Type": "maximize"}, metrics=[{"Name": "acc", "Regex": "acc=(.*)"}]),
    tuned_over({"MinValue": 0.1, "MaxValue": 0.9, "ScalingType": "ReverseLogarithmic"}),
    tuned(framework="AMAZON", algorithm="xgboost", tuningobjective={"Name": "auc", "Type": "Maximize"}),
    channel(path="/train/", type="ManifestFile", dist="ShardedByS3Key", contentType="text/csv", InputMode="Pipe",
            CompressionType="Gzip", RecordWrapperType="RecordIO", ShuffleConfig={"Seed": "7"}),
    channel(uri="s3://data/manifest", type="AugmentedManifestFile", AttributeNames=["source", "label"]),
    channel(path="train/", dist=True),
    scikit(uri="s3://data/train/", ModelArtifacts="s3://models/7/model.tar.gz", skiptrain=True),
    scikit(pipeline=[{"image": "1.dkr.ecr.eu-west-1.amazonaws.com/scale:1"}, {"tag": "Inference_v3"}]),
    of("BYOD", TrainingImage="a:1", build={"Training": "false"}, train=False, traininstancecount=100),
    of("MXNET", trainentrypoint="src/train.py", hostentrypoint="serve.py", mxnetversion="1.4.1", pyversion="py2"),
    of("HUGGINGFACE", baseframework="tensorflow2.11.0", frameworkversion="4.26"),
])  # fmt: skip
def test_a_right_document_is_accepted(document: dict[str, Any]) -> None:
    parse_document(json.dumps(document))


def test_a_shared_out_channel_may_be_given_as_the_ancestor_had_it() -> None:
    assert parse_parameters(channel(path="train/", dist=True)).channels["train"].dist == "ShardedByS3Key"
    assert parse_parameters(channel(path="train/", dist=False)).channels["train"].dist == "FullyReplicated"


def test_a_document_that_ssm_could_not_hold_is_refused_by_its_size() -> None:
    text = json.dumps(scikit(hyperparameters={"x": "é" * 1250}), ensure_ascii=False)
    assert parse_document(text.ljust(8192 - 1250)).framework == "SCIKIT"
    sentence = "an SSM parameter holds at most 8192 (advanced tier) or 4096 (standard tier)."
    assert _refusal_of(text.ljust(8193 - 1250)) == [f"The parameter document has 8193 bytes; {sentence}"]


@pytest.mark.parametrize(
    "text", ["[" * 4000 + "]" * 4000, '{"a":' * 1300 + "1" + "}" * 1300, '{"a":' * 30 + "1" + "}" * 30]
)
def test_endless_nesting_is_refused(text: str) -> None:
    assert all(sentence.endswith("nests deeper than 20 levels.") for sentence in _refusal_of(text)[:1])


@pytest.mark.parametrize(("document", "sentence"), [
    ({1: 2, "framework": "SCIKIT"}, "1 is not a name; names must be text."),
    ({"framework": "SCIKIT", "trainmaxrun": b"4"}, "trainmaxrun is a bytes, which is not a JSON value."),
    (None, "The parameter document is null; it must be a JSON object."),
    (object, "The parameter document is a type, which is not a JSON value."),
])  # fmt: skip
def test_what_only_python_holds_is_refused(document: Any, sentence: str) -> None:
    with pytest.raises(ParameterError) as error:
        parse_parameters(document)
    assert str(error.value) == sentence


@pytest.mark.parametrize("text", [None, b"{}", 5])
def test_what_is_no_text_is_refused(text: Any) -> None:
    assert _refusal_of(text) == [f"The parameter document is a {type(text).__name__}; it must be JSON text."]


def test_a_byte_order_mark_before_a_document_is_skipped() -> None:
    assert parse_document("\ufeff" + json.dumps(scikit())) == parse_parameters(scikit())


@pytest.mark.parametrize("size", [7000, 8000])
def test_a_document_is_stored_indented_where_that_fits_and_compact_where_only_that_does(size: int) -> None:
    document = scikit(hyperparameters={f"h{index}": "é" for index in range(size // 20)})
    text = format_document(document)
    assert json.loads(text) == document
    assert len(text.encode()) <= 8192
    assert ("\n" in text) is (len(json.dumps(document, indent=2, ensure_ascii=False).encode()) <= 8192)
    with pytest.raises(ParameterError, match=r"has \d+ bytes; an SSM parameter holds at most 8192"):
        format_document(document | {"more": "x" * 8192})


NAMES = sorted({name for model in MODELS.values() for name in model.model_fields})
ODD_NAMES = st.text(max_size=8) | st.sampled_from([*NAMES, "Values", "MinValue", "(range)"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(NAMES),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(ODD_NAMES, inner, max_size=3),
    max_leaves=12,
)  # fmt: skip
DOCUMENTS = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=8) | JSON


@settings(max_examples=600, deadline=None)
@given(document=DOCUMENTS, framework=st.sampled_from([*MODELS, None]))
def test_no_document_brings_any_other_error(document: Any, framework: str | None) -> None:
    for parse in (parse_parameters, lambda content, **options: parse_document(json.dumps(content), **options)):
        try:
            assert isinstance(parse(document, default_framework=framework), BuildParameters)
        except ParameterError as error:
            for sentence in str(error).splitlines():
                assert re.fullmatch(r".+[.?]", sentence)
                assert len(sentence) < 500


@settings(max_examples=500, deadline=None)
@given(text=st.text(max_size=60))
def test_no_text_brings_any_other_error(text: str) -> None:
    with pytest.raises(ParameterError):
        parse_document(text)


@pytest.mark.parametrize("framework", MODELS)
def test_the_first_document_shows_the_defaults_and_reads_back_as_them(framework: str) -> None:
    document = default_document(framework.lower())
    assert document["framework"] == framework
    assert None not in document.values()
    assert {"hyperparameters", "traininstancetype", "trainmaxrun"} < document.keys()
    assert not {"configtrain", "maxtrainingjobs", "channels"} & document.keys()
    extra = REQUIRED.get(framework, {})
    assert parse_document(json.dumps(document | extra)) == parse_parameters(of(framework, **extra))


def test_there_is_no_first_document_of_an_unknown_framework() -> None:
    with pytest.raises(ParameterError, match=r'^framework is "SKLEARN"; it must be one of TENSORFLOW, '):
        default_document("SKLEARN")


@pytest.mark.parametrize("framework", [name for name, facts in FRAMEWORKS.items() if facts.images])
@pytest.mark.parametrize("scope", ["training", "inference"])
def test_the_defaults_of_a_framework_have_an_image(framework: str, scope: Any) -> None:
    parameters = parse_parameters(of(framework))
    read, version = parameters.model_dump(), str(parameters.image_version)
    instance_type = read["traininstancetype"] if scope == "training" else read["hostinstancetype"]
    base = read.get("baseframework")
    image = resolve_image(framework, version, read["pyversion"], "us-east-1", instance_type, scope, base_framework=base)
    assert version in image.uri


def test_the_algorithms_are_those_that_have_an_image() -> None:
    images = json.loads(
        (Path(__file__).parents[2] / "sagebuild" / "images" / "images.json").read_text(encoding="utf-8")
    )
    assert set(get_args(Algorithm)) == images["algorithms"].keys()
    assert tuple(MODELS) == tuple(FRAMEWORKS)


def test_every_instance_type_that_sagemaker_rents_is_accepted() -> None:
    service = botocore.session.get_session().get_service_model("sagemaker")
    for shape in ("TrainingInstanceType", "ProductionVariantInstanceType"):
        for instance_type in service.shape_for(shape).metadata["enum"]:
            assert InstanceType.read(instance_type) == instance_type


def test_parameters_cannot_be_changed() -> None:
    read: Any = parse_parameters(scikit())
    with pytest.raises(ValidationError, match="frozen"):
        read.traininstancecount = 2


@pytest.mark.parametrize("model", MODELS.values())
def test_every_parameter_has_a_description_and_a_json_schema(model: type[BuildParameters]) -> None:
    schema = model.model_json_schema()
    assert all(field.description for name, field in model.model_fields.items() if name != "framework")
    assert schema["properties"]["traininstancecount"]["maximum"] == 100
    assert schema["properties"]["framework"]["const"] in MODELS


def test_hugging_face_trains_on_a_gpu_by_default() -> None:
    assert HuggingFaceParameters.model_fields["traininstancetype"].default == "ml.g4dn.xlarge"


def test_reading_parameters_imports_no_aws_library() -> None:
    code = "import sagebuild.parameters, sys; sys.exit(bool({'sagemaker', 'boto3', 'requests'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_ambiguous_regular_expression_is_read_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metric = {"Name": "loss", "Regex": "[[a]loss=(.*)[--b]"}
        assert parse_parameters({"framework": "SCIKIT", "metrics": [metric]}).metrics[0].Regex == metric["Regex"]


def test_of_many_problems_twenty_are_named() -> None:
    names = {f"name{number}": 1 for number in range(100)}
    with pytest.raises(ParameterError) as caught:
        parse_parameters(scikit(**names))
    lines = str(caught.value).splitlines()
    assert (len(lines), lines[-1]) == (21, "There are 80 more problems.")


def _count_calls(text: str) -> int:
    """Return the number of calls of functions that it takes to refuse a document."""
    calls = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        with pytest.raises(ParameterError):
            parse_document(text)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("framework", ["SCIKIT", "NOPE"])
@pytest.mark.parametrize(
    "content",
    [
        {f"name{number}": 1 for number in range(550)},
        {f"inputs.name{number}": 1 for number in range(350)},
        {"channels": {"train": {f"name{number}": 1 for number in range(550)}}},
        {f"{number:x}abcdefghijklmnopqrstuvwxyz"[::-1]: 1 for number in range(22)}
        | {"hyperparameters": {f"{number:x}abcdefghijklmnopqrstuvwxyz": 1 for number in range(200)}},
        {"processing": [1] * 4000},
        {"instancegroups": [{}] * 2700},
    ],
    ids=["unknown", "nested", "inside", "like hyperparameters", "no objects", "empty objects"],
)
def test_a_document_full_of_problems_is_refused_in_few_calls(framework: str, content: dict[str, Any]) -> None:
    text = json.dumps({"framework": framework, **content}, separators=(",", ":"))
    assert len(text) <= 8192
    _count_calls(text)  # fills the caches
    assert _count_calls(text) < 800_000  # which take about 0.15 s


def test_a_name_is_advised_on_however_many_problems_follow() -> None:
    with pytest.raises(ParameterError) as caught:
        parse_parameters(scikit(spto=1, **{f"zzz{number}": 1 for number in range(100)}))
    first, *others, last = str(caught.value).splitlines()
    assert first == "'spto' is not a parameter of SCIKIT; did you mean 'spot'?"
    assert all("; docs/parameters.md lists the parameters." in line for line in others)
    assert last == "There are 81 more problems."


def test_only_what_is_judged_counts_as_a_problem() -> None:
    content = {f"zzz{number}": 1 for number in range(30)} | {"algorithm": "KMEANS", "metrics": [{}] * 2}
    with pytest.raises(ParameterError) as caught:
        parse_parameters({"framework": "NOPE"} | content)
    # The framework, the names and both members of two metrics; not the algorithm, which some framework has.
    assert str(caught.value).splitlines()[-1] == f"There are {1 + 30 + 4 - 20} more problems."


def test_the_names_of_overrides_are_shown_on_one_line() -> None:
    with pytest.raises(ParameterError) as caught:
        parse_overridden(json.dumps(scikit()), json.dumps({"line\nbreak": 1, "x" * 99: 1}), "")
    assert str(caught.value).splitlines()[-1].startswith("(The request for this build set line\\nbreak, xxx")
    assert len(str(caught.value).splitlines()[-1]) < 120
    with pytest.raises(ParameterError, match=r"set name0, name1, .*, name26 and 10 more\.\)$"):
        parse_overridden(json.dumps(scikit()), json.dumps({f"name{number}": 1 for number in range(30)}), "")


def test_of_many_repeated_tags_twenty_are_named() -> None:
    tags = [{"Key": f"{number:02}\n", "Value": "v"} for number in range(25)] * 2
    with pytest.raises(ParameterError, match=r"^Tags has the Key 00\\n, 01\\n, .*, 19\\n more than once\.$"):
        parse_parameters(scikit(Tags=tags))
