"""Every entry reads the parameter document as the build does: it refuses the same texts with the same sentences."""

import json
from typing import Any

import boto3
import pytest
import typer

from sagebuild.builds.records import Trigger
from sagebuild.changes.apply import apply_change
from sagebuild.changes.plan import plan_change
from sagebuild.cli import params
from sagebuild.cli.assignments import read_assignments
from sagebuild.cli.session import Session
from sagebuild.client.launch_requests import build_overrides
from sagebuild.client.stack import Stack as Client
from sagebuild.errors import ParameterError
from sagebuild.launch.start import launch_build
from sagebuild.parameters import parse_document
from sagebuild.parameters.store import read_document, write_document, write_text
from sagebuild.plan.dispatch import plan
from sagebuild.voice.spoken_parameters import read_parameter
from tests.functional.conftest import REGION, Stack

DOCUMENT = {"framework": "SCIKIT", "trainentrypoint": "train.py", "trainsourcefile": "a.tar.gz"}
FIRST, NESTED = '{"framework": "SCIKIT", "trainmaxrun": 1, "trainmaxrun": 2}', '{"hyperparameters": {"C": 1, "C": 2}}'
# What json.loads takes and a build refuses, and what both refuse.
TEXTS = {
    FIRST: "trainmaxrun is given more than once.",
    NESTED: "hyperparameters.C is given more than once.",
    '{"hyperparameters": {"C": NaN}}': "hyperparameters.C is NaN, which is not a JSON number.",
    '{"hyperparameters": {"C": "\\ud800"}}': "hyperparameters.C has an unpaired surrogate, which is not valid text.",
    '{"hyperparameters": {"C": ' + "[" * 25 + "]" * 25 + "}}": f"hyperparameters.C{'[0]' * 18} nests deeper than 20 "
    "levels.",
    '{"hyperparameters": {"C": ' + "9" * 5000 + "}}": "The parameter document has a whole number of more than 64 bits.",
    json.dumps(DOCUMENT).ljust(12_000): "The parameter document has 12000 bytes; an SSM parameter holds at most 8192 "
    "(advanced tier) or 4096 (standard tier).",
    "{": "The parameter document is not JSON: Expecting property name enclosed in double quotes at line 1, column 2.",
    "[]": "The parameter document is []; it must be a JSON object.",
}  # fmt: skip
STORED = {text: sentence for text, sentence in TEXTS.items() if len(text) <= 8192}


@pytest.fixture
def client(stack: Stack) -> Client:
    write_document(stack.service, DOCUMENT, overwrite=True)
    return Client(stack.service, lambda name: boto3.client(name, region_name=REGION), {})  # type: ignore[call-overload]


def refusal_of(read: Any, *given: Any) -> str:
    with pytest.raises(ParameterError) as refused:
        read(*given)
    return str(refused.value)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_new_document_is_refused_with_the_build_s_sentence(client: Client, text: str) -> None:
    sentence = TEXTS[text]
    assert refusal_of(lambda: parse_document(text, default_framework="SCIKIT")) == sentence
    assert refusal_of(client.parameters.replace_text, text) == sentence
    assert client.parameters.document == DOCUMENT


@pytest.mark.parametrize("text", STORED, ids=range(len(STORED)))
def test_a_stored_document_is_refused_by_every_reader(client: Client, stack: Stack, text: str) -> None:
    sentence = STORED[text]
    write_text(stack.service, text, overwrite=True)
    launch_build(stack.service, Trigger("command"))
    assert refusal_of(plan, stack.service, 1) == sentence
    assert refusal_of(client.parameters.check) == sentence
    assert refusal_of(lambda: client.parameters.document) == sentence
    assert refusal_of(client.parameters.set, {"trainvolumesize": 20}) == sentence
    assert refusal_of(read_parameter, stack.service, "trainmaxrun") == sentence
    assert refusal_of(lambda: plan_change(stack.service, "set parameters", parameters={"trainmaxrun": 3})) == sentence
    assert refusal_of(build_overrides, stack.service, {"hyperparameters.depth": 3}) == sentence
    assert read_document(stack.service) == text
    client.parameters.reset("SCIKIT")
    assert client.parameters.document["framework"] == "SCIKIT"


def test_values_that_repeat_a_name_are_refused_where_they_are_typed() -> None:
    assert read_assignments(['metrics=[{"Name": "a"}]', "trainmaxrun=4", "hyperparameters.C=soft"]) == {
        "metrics": [{"Name": "a"}],
        "trainmaxrun": 4,
        "hyperparameters.C": "soft",
    }
    typed = refusal_of(read_assignments, ['hyperparameters.C={"a": {"b": 1, "b": 2}}'])
    assert typed == "hyperparameters.C.a.b is given more than once."
    assert refusal_of(read_assignments, ["x=" + "[" * 100_000]) == "x nests deeper than 20 levels."


def test_an_edited_document_is_stored_as_it_was_typed(
    client: Client, stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = '{"framework": "SCIKIT",\n\t"trainmaxrun": 0.50, "Tags": {"team": "Zoë"}}'
    session = Session("mine", REGION, None, as_json=True)
    monkeypatch.setattr(Session, "stack", client)
    monkeypatch.setattr(params, "_require_editor", lambda: None)
    monkeypatch.setattr(params, "_edit", lambda _text: typed + "\n")
    params.edit(session)
    assert read_document(stack.service) == typed
    assert {"name": "trainmaxrun", "after": 0.5} in json.loads(capsys.readouterr().out)["changes"]


def test_a_refused_document_is_edited_again_as_it_was_typed(
    client: Client, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    answers = iter([FIRST + "\n", '{"framework": "SCIKIT"}\n'])
    monkeypatch.setattr(Session, "stack", client)
    monkeypatch.setattr(Session, "is_live", True)

    def edit(text: str) -> str:
        shown.append(text)
        return next(answers)

    monkeypatch.setattr(params, "_require_editor", lambda: None)
    monkeypatch.setattr(params, "_edit", edit)
    monkeypatch.setattr(typer, "confirm", lambda *_question, **_options: True)
    params.edit(Session("mine", REGION, None, as_json=False))
    assert shown[1] == FIRST + "\n"
    assert read_document(stack.service) == '{"framework": "SCIKIT"}'


def test_an_editor_s_byte_order_mark_and_foreign_bytes_survive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", 'sh -c \'printf "\\357\\273\\277{}\\377" > "$0"\'')
    assert params._edit("{}") == "{}\udcff"
    monkeypatch.setenv("VISUAL", "true")
    assert params._edit("{}\udcff") == "{}\udcff"


def test_what_voice_writes_is_what_it_has_checked(client: Client, stack: Stack) -> None:
    client.parameters.set({"Tags": {"team": "Zoë"}})
    planned = plan_change(stack.service, "set parameters", parameters={"trainmaxrun": 3})
    apply_change(stack.service, planned.token, by="voice")
    assert client.parameters.document == DOCUMENT | {"Tags": {"team": "Zoë"}, "trainmaxrun": 3}
    assert "Zoë" in read_document(stack.service)


def test_a_document_that_only_fits_compact_is_stored_compact(client: Client, stack: Stack) -> None:
    hyperparameters = {f"h{index}": "x" * 60 for index in range(90)}
    client.parameters.set({"hyperparameters": hyperparameters, "Tags": {f"t{index}": "y" for index in range(10)}})
    assert client.parameters["hyperparameters"] == hyperparameters
    too_large = {f"h{index}": "x" * 100 for index in range(90)}
    assert "an SSM parameter holds at most 8192" in refusal_of(client.parameters.set, {"hyperparameters": too_large})
    assert "an SSM parameter holds at most 8192" in refusal_of(
        client.parameters.check, DOCUMENT | {"hyperparameters": too_large}
    )
    assert client.parameters["hyperparameters"] == hyperparameters
    assert len(read_document(stack.service).encode()) <= 8192
