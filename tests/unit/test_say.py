"""The client resolves utterances by the interaction models, in every locale."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sagebuild.client.utterances import MODELS, Resolved, UnknownLocaleError, list_locales, resolve, resolve_slot

LANGUAGES = {language: locale for locale, language in list_locales().items()}
WORDS = {"AMAZON.NUMBER": ["7"], "AMAZON.FOUR_DIGIT_NUMBER": ["4711"], "AMAZON.SearchQuery": ["the labels were wrong"]}


def _fill(samples: list[str], slots: dict[str, list[str]]) -> Iterator[str]:
    """Yield every third sample with a slot, and every value of a slot in the last sample that has it."""
    first = {name: values[0] for name, values in slots.items()}
    yield from (sample.format(**first) for sample in [sample for sample in samples if "{" in sample][::3])
    for name, values in slots.items():
        sample = next(sample for sample in reversed(samples) if f"{{{name}}}" in sample)
        yield from (sample.format(**first | {name: value}) for value in values[1:])


@pytest.mark.parametrize(("language_code", "locale"), LANGUAGES.items())
def test_samples_with_slots_resolve_to_their_own_intent(language_code: str, locale: str) -> None:
    model: dict[str, Any] = json.loads((MODELS / "custom" / f"{language_code}.json").read_text(encoding="utf-8"))
    language = model["interactionModel"]["languageModel"]
    values = WORDS | {
        kind["name"]: [
            word for value in kind["values"] for word in (value["name"]["value"], *value["name"]["synonyms"])
        ]
        for kind in language["types"]
    }
    wrong = [
        (utterance, intent["name"], resolved.intent)
        for intent in language["intents"]
        for utterance in _fill(intent["samples"], {slot["name"]: values[slot["type"]] for slot in intent["slots"]})
        if (resolved := resolve(utterance, locale)).intent != intent["name"]
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("utterance", "locale", "intent", "slots"),
    [
        ("start a build", "en-US", "StartBuildIntent", {}),
        ("Alexa, ask Sage Build to start a build!", "en-GB", "StartBuildIntent", {}),
        ("Alexa, ask sage build: is it done yet?", "en-US", "CheckStatusIntent", {}),
        ("Alexa, open sage build", "en-US", "LaunchRequest", {}),
        ("stop", "en-US", "AMAZON.StopIntent", {}),
        ("stop the build", "en-US", "StopBuildIntent", {}),
        ("set training disk to 20", "en-US", "SetParameterIntent", {"parameter": "trainvolumesize", "number": "20"}),
        ("start a build because the labels changed", "en-US", "StartBuildIntent", {"note": "the labels changed"}),
        ("start a build with two training instances", "en-US", "StartBuildIntent", {"number": "2"}),
        ("start a build with an m5 x large", "en-US", "StartBuildIntent", {"instance": "ml.m5.xlarge"}),
        ("go back to build eleven", "en-US", "RollBackIntent", {"number": "11"}),
        ("what did build 12 cost", "en-US", "EstimateCostIntent", {"number": "12"}),
        ("approve the build", "en-GB", "ApproveBuildIntent", {}),
        ("geh zu Build elf zurück", "de-DE", "RollBackIntent", {"number": "11"}),
        ("inicie um build com duas instâncias de treinamento", "pt-BR", "StartBuildIntent", {"number": "2"}),
        ("ビルド 十一 に戻して", "ja-JP", "RollBackIntent", {"number": "11"}),
        ("what is the weather", "en-US", "AMAZON.FallbackIntent", {}),
        ("please don't stop the build", "en-US", "AMAZON.FallbackIntent", {}),
        ("maybe approve it", "en-US", "AMAZON.FallbackIntent", {}),
        ("Alexa, ask sage build whether it is done", "en-US", "CheckStatusIntent", {}),
        ("nicht abbrechen", "de-DE", "AMAZON.FallbackIntent", {}),
        ("Alexa, frage Build Assistent, ob mein Build fertig ist", "de-DE", "CheckStatusIntent", {}),
        ("¿Ya terminó mi build?", "es-MX", "CheckStatusIntent", {}),
        ("demande à sage build de lancer un build", "fr-CA", "StartBuildIntent", {}),
        ("ビルドを始めて", "ja-JP", "StartBuildIntent", {}),
        ("ビルド11に戻して", "ja-JP", "RollBackIntent", {"number": "11"}),
        ("ビルド 11 に 戻して", "ja-JP", "RollBackIntent", {"number": "11"}),
        ("ビルド\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT ONE}に戻して", "ja-JP", "RollBackIntent", {"number": "11"}),
        ("不正検知のビルドを始めて", "ja-JP", "StartBuildIntent", {"pipeline": "不正検知"}),
        (
            "学習ディスクを40ギガバイトにして",
            "ja-JP",
            "SetParameterIntent",
            {"parameter": "trainvolumesize", "gigabytes": "40"},
        ),
        ("前のビルドと比べて", "ja-JP", "CompareBuildsIntent", {"other": "last"}),
        ("don\N{RIGHT SINGLE QUOTATION MARK}t deploy it", "en-US", "RejectBuildIntent", {}),
        ("start the fraud build", "en-US", "StartBuildIntent", {"pipeline": "fraud"}),
        ("Alexa, ask sage build to start the sales build", "en-US", "StartBuildIntent", {"pipeline": "sales"}),
        ("how is customer churn doing", "en-GB", "CheckStatusIntent", {"pipeline": "customer churn"}),
        ("go back to build eleven of fraud", "en-US", "RollBackIntent", {"number": "11", "pipeline": "fraud"}),
        ("which builds are running", "en-US", "ListRunningIntent", {}),
        ("wie läuft es mit Betrug", "de-DE", "CheckStatusIntent", {"pipeline": "betrug"}),
        ("welche Builds laufen gerade", "de-DE", "ListRunningIntent", {}),
        ("lance le build de fraude", "fr-FR", "StartBuildIntent", {"pipeline": "fraude"}),
        ("¿Cómo va el build de bajas?", "es-ES", "CheckStatusIntent", {"pipeline": "bajas"}),
        ("come va la build di frodi", "it-IT", "CheckStatusIntent", {"pipeline": "frodi"}),
        ("como vai o build de fraude", "pt-BR", "CheckStatusIntent", {"pipeline": "fraude"}),
        ("不正検知 のビルドを始めて", "ja-JP", "StartBuildIntent", {"pipeline": "不正検知"}),
    ],
)
def test_an_utterance_resolves_to_its_intent_and_slots(
    utterance: str, locale: str, intent: str, slots: dict[str, str]
) -> None:
    resolved = resolve(utterance, locale)
    assert (resolved.intent, resolved.slots) == (intent, slots)


@pytest.mark.parametrize(
    ("utterance", "intent", "pipeline"),
    [
        ("how is fraud doing", "CheckStatusIntent", "fraud"),
        ("how is fraud detection doing", "CheckStatusIntent", "fraud"),
        ("how is sales doing", "CheckStatusIntent", ""),
        ("how is the weather", "AMAZON.FallbackIntent", ""),
        ("the main one", "ChoosePipelineIntent", "default"),
        ("main", "AMAZON.FallbackIntent", ""),
        ("sales", "AMAZON.FallbackIntent", ""),
    ],
)
def test_without_entities_only_the_models_own_pipelines_are_known(utterance: str, intent: str, pipeline: str) -> None:
    resolved = resolve(utterance, "en-US")
    assert (resolved.intent, resolved.pipeline) == (intent, pipeline)


def test_words_that_the_skill_has_sent_are_known_pipelines() -> None:
    entities = {"Sales 2": "sales-2", "yes": "yes"}
    assert resolve("the sales 2 one", "en-US", entities) == Resolved(
        "ChoosePipelineIntent", {"pipeline": "sales 2"}, "sales-2"
    )
    assert resolve("what is the training disk of sales 2", "en-US", entities) == Resolved(
        "ReadParameterIntent", {"parameter": "trainvolumesize", "pipeline": "sales 2"}, "sales-2"
    )
    assert resolve("yes", "en-US", entities).intent == "AMAZON.YesIntent"


@pytest.mark.parametrize(
    ("utterance", "locale", "intent", "slots"),
    [
        ("set the learning rate to 5", "en-US", "SetParameterIntent", {"number": "5"}),
        ("what is the learning rate", "en-US", "ReadParameterIntent", {}),
        ("start a build with the learning rate at 20", "en-US", "StartBuildIntent", {"number": "20"}),
        ("setze learning rate auf 5", "de-DE", "SetParameterIntent", {"number": "5"}),
        ("mets la learning rate à 5", "fr-FR", "SetParameterIntent", {"number": "5"}),
        ("mude learning rate para 5", "pt-BR", "SetParameterIntent", {"number": "5"}),
        ("learning rate を 5 にして", "ja-JP", "SetParameterIntent", {"number": "5"}),
    ],
)
def test_a_hyperparameter_that_the_skill_has_sent_is_known(
    utterance: str, locale: str, intent: str, slots: dict[str, str]
) -> None:
    parameters = ["learning rate", "rate", "learning"]
    resolved = resolve(utterance, locale, parameters=parameters)
    assert resolved == Resolved(intent, slots | {"parameter": "learning rate"})
    assert resolve(utterance, locale) != resolved


def test_a_hyperparameter_changes_no_other_request() -> None:
    parameters = ["training", "build", "disk"]
    assert (
        resolve("set the training disk to 20", "en-US", parameters=parameters).slots["parameter"] == "trainvolumesize"
    )
    assert resolve("start a build", "en-US", parameters=parameters) == Resolved("StartBuildIntent", {})
    assert resolve("start a rebuild", "en-US", parameters=["build"]).slots.get("parameter") is None


def test_a_hyperparameter_alone_answers_the_question_for_a_parameter() -> None:
    asked = ("en-US", "ReadParameterIntent", "parameter")
    assert resolve_slot("learning rate", *asked, ["Learning Rate"]) == "learning rate"
    assert resolve_slot("learning rate", *asked) is None


def test_the_value_alone_is_an_answer_only_if_the_skill_asked_for_its_slot() -> None:
    pin, pipeline = ("GivePinIntent", "pin"), ("ChoosePipelineIntent", "pipeline")
    parameter = ("ReadParameterIntent", "parameter")
    assert resolve("4711", "en-US").intent == resolve("fraud", "en-US").intent == "AMAZON.FallbackIntent"
    assert resolve("4711", "en-US", elicited=pin) == Resolved("GivePinIntent", {"pin": "4711"})
    assert resolve("fraud", "en-US", elicited=pipeline) == Resolved(
        "ChoosePipelineIntent", {"pipeline": "fraud"}, "fraud"
    )
    assert resolve("sales", "en-US", elicited=pipeline) == Resolved("ChoosePipelineIntent", {"pipeline": "sales"})
    assert resolve("disk size", "en-US", elicited=parameter) == Resolved(
        "ReadParameterIntent", {"parameter": "trainvolumesize"}
    )
    assert resolve("never mind", "en-US", elicited=pipeline).intent == "AMAZON.CancelIntent"
    assert resolve("どれでも", "ja-JP", elicited=pin).intent == "AMAZON.FallbackIntent"


@pytest.mark.parametrize("locale", ["xx-XX", "../builtIn/en", ""])
def test_the_error_for_an_unknown_locale_names_the_known_ones(locale: str) -> None:
    with pytest.raises(UnknownLocaleError, match="de-DE"):
        resolve("hello", locale)
