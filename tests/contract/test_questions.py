"""Every question that the skill asks can be answered in its own words, in every language."""

import re
from typing import Any

import pytest

from sagebuild.client.utterances import resolve, resolve_slot
from skill.bare_answers import CHOSEN_PIPELINE, NAMED_PARAMETER, PIN, Elicited
from skill.intents import INTENTS
from tests.alexa import QUESTION_MARKS
from tests.spoken import SpokenModel
from tools.generate_interaction_models import list_languages, read_language

# The answers that the opening question offers, in its own verbs, and what people shorten them to.
OPENING = {
    "en": ("start a build", "stop one", "ask how it's going", "start one", "stop it"),
    "de": ("einen build starten", "einen stoppen", "fragen wie es läuft", "starte einen", "stoppe ihn"),
    "fr": ("lancer un build", "l'arrêter", "demander où il en est", "lances-en un", "arrête-le"),
    "es": ("iniciar un build", "detenerlo", "preguntar cómo va", "inicia uno", "detenlo"),
    "it": ("avviare una build", "fermarla", "chiedere come va", "avviane una", "fermala"),
    "pt": ("iniciar um build", "parar um", "perguntar como ele está", "inicie um", "pare ele"),
    "ja": ("ビルドを開始する", "ビルドを停止する", "進み具合を聞く", "始めて", "停止して"),
}
OPENS = ("StartBuildIntent", "StopBuildIntent", "CheckStatusIntent", "StartBuildIntent", "StopBuildIntent")
ASKING = {"welcome", "question", "fallback", "yes.unexpected", "pin.unexpected"}
# The questions that a value alone answers, with such a value in every language.
BARE: dict[str, tuple[Elicited, str]] = {
    "pin.question": (PIN, "4711"),
    "pin.wrong": (PIN, "4711"),
    "fallback.pin": (PIN, "4711"),
    "pipeline.which": (CHOSEN_PIPELINE, "sales"),
    "pipeline.unknown": (CHOSEN_PIPELINE, "sales"),
}
# The answers that the question about a waiting build offers, in its own verbs.
APPROVAL = {
    "en": ("approve it", "reject it"),
    "de": ("ihn freigeben", "ablehnen"),
    "fr": ("l'approuver", "le rejeter"),
    "es": ("lo apruebo", "lo rechazo"),
    "it": ("la approvo", "la rifiuto"),
    "pt": ("aprovar", "rejeitar"),
    "ja": ("承認します", "却下します"),
}
# The questions of an intent for a slot of its own; "unclear.word" also asks for the parameter.
VALUES = {"ask.value": ("number", "instance"), "unclear.number": ("number",), "unclear.word": ("parameter", "instance")}
EXAMPLES = {"set.which": "SetParameterIntent", "start.which": "StartBuildIntent"}

for_each_language = pytest.mark.parametrize("language", list_languages())


def find_locale(language: str) -> str:
    locale: str = read_language(language)["locales"][0]
    return locale


def list_questions(language: str) -> dict[str, str]:
    """Return the questions of the catalogue by their keys."""
    sentences: dict[str, Any] = read_language(language)["sentences"]
    forms = {key: form if isinstance(form, str) else form["other"] for key, form in sentences.items()}
    return {key: form for key, form in forms.items() if form.endswith(QUESTION_MARKS)}


@for_each_language
def test_the_opening_question_is_answered_by_its_own_verbs(language: str) -> None:
    questions = list_questions(language)
    for key in ASKING:
        assert all(word in questions[key].casefold() for word in re.findall(r"build|ビルド", OPENING[language][0])), key
    intents = tuple(resolve(answer, find_locale(language)).intent for answer in OPENING[language])
    assert intents == OPENS


@for_each_language
def test_a_value_alone_answers_the_question_for_it(language: str) -> None:
    locale = find_locale(language)
    for key, (elicited, value) in BARE.items():
        assert key in list_questions(language)
        assert resolve(value, locale).intent == "AMAZON.FallbackIntent"
        assert resolve(value, locale, elicited=elicited).intent == elicited.intent
    parameter = next(iter(read_language(language)["types"]["BuildParameter"]["trainvolumesize"]))
    assert "parameter.which" in list_questions(language)
    assert resolve(parameter, locale, elicited=NAMED_PARAMETER).slots == {"parameter": "trainvolumesize"}


@for_each_language
def test_a_value_alone_answers_the_question_of_its_own_intent(language: str) -> None:
    spoken, locale = read_language(language), find_locale(language)
    kinds = spoken["types"]["BuildParameter"]
    said = {
        "number": (spoken["numbers"]["20"][0], "20"),
        "instance": ("m5 large", "ml.m5.large"),
        "parameter": (kinds["trainvolumesize"][0], "trainvolumesize"),
    }
    for key, slots in VALUES.items():
        assert key in list_questions(language)
        for slot in slots:
            word, value = said[slot]
            assert resolve(word, locale).intent == "AMAZON.FallbackIntent"
            for intent in ("StartBuildIntent", "SetParameterIntent"):
                assert resolve_slot(word, locale, intent, slot) == value


@for_each_language
def test_the_question_about_a_waiting_build_is_answered_by_its_own_verbs(language: str) -> None:
    question = list_questions(language)["status.waiting"]
    assert all(answer in question.casefold() for answer in APPROVAL[language])
    intents = [resolve(answer, find_locale(language)).intent for answer in APPROVAL[language]]
    assert intents == ["ApproveBuildIntent", "RejectBuildIntent"]


@for_each_language
def test_the_examples_in_a_question_are_understood(language: str) -> None:
    model = SpokenModel(language)
    for key, intent in EXAMPLES.items():
        question = list_questions(language)[key]
        example = re.search("「(.+?)」", question) or re.search(r": ?(.+?)[;.]", question)
        assert example, question
        assert model.resolve(example[1]) == intent, question


@for_each_language
def test_every_other_question_is_answered_by_yes_or_no(language: str) -> None:
    """Also in the words that the question itself offers: "yes or no?"."""
    spoken = read_language(language)
    valued = {*BARE, *VALUES, *EXAMPLES, "parameter.which", "status.waiting"}
    others = list_questions(language).keys() - ASKING - valued - {"help", "follow_up"}
    assert len(others) > 10
    words = {
        name: [*spoken["builtIn"][name], *spoken["samples"][name]] for name in ("AMAZON.YesIntent", "AMAZON.NoIntent")
    }
    yes, no = (found[0] for found in words.values())
    for key in others:
        offered = re.search(rf"\b{yes}\b.+\b{no}\b", list_questions(language)[key].casefold())
        assert offered or "reprompt" not in key or language == "ja", key
    assert resolve(yes, find_locale(language)).intent == "AMAZON.YesIntent"
    assert resolve(no, find_locale(language)).intent == "AMAZON.NoIntent"
    assert {*words} <= {*INTENTS}
