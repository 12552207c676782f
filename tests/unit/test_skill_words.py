"""How the skill says lists, amounts, spans, values and steps, in every language."""

import json
from typing import Any

import pytest

from sagebuild.builds.records import BuildRecord
from sagebuild.voice.refusals import find_refusal
from skill.build_changes import list_changes
from skill.speech import LANGUAGES, Sentence, speak, write
from skill.steps import say_step
from skill.words import count_units, say_duration, say_limit, say_money, say_parameter, write_money
from tests.alexa import ROOT, Conversation
from tests.unit.skill_domain import Domain, a_record

# Lists of builds


def a_history(*outcomes: str) -> list[BuildRecord]:
    """Records with these outcomes, newest first."""
    numbers = range(len(outcomes), 0, -1)
    return [
        a_record(number, "launching", ended_at="") if outcome == "running" else a_record(number, outcome)
        for number, outcome in zip(numbers, outcomes, strict=True)
    ]


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en-US", "The last 5 builds: 5 is running, 4 was stopped, and 3, 2 and 1 succeeded."),
        ("de-DE", "Die letzten 5 Builds: 5 läuft, 4 wurde gestoppt, und 3, 2 und 1 waren erfolgreich."),
        ("fr-FR", "Les 5 derniers builds : le 5 est en cours, le 4 a été arrêté, et le 3, le 2 et le 1 ont réussi."),
        ("it-IT", "Le ultime 5 build: la 5 è in corso, la 4 è stata fermata, e la 3, la 2 e la 1 sono riuscite."),
        ("ja-JP", "最近の5件のビルドは、5番が実行中、4番が停止、3番、2番と1番が成功です。"),
    ],
)
def test_builds_are_listed_with_their_outcomes(alexa: Conversation, domain: Domain, locale: str, said: str) -> None:
    domain(list_builds=a_history("running", "stopped", "succeeded", "succeeded", "succeeded"))
    assert alexa.say("list_builds", locale, count="", outcome="") == said


def test_a_list_of_one_outcome_is_one_group(alexa: Conversation, domain: Domain) -> None:
    domain(list_builds=a_history("failed", "failed"))
    assert alexa.say("list_builds", count="", outcome="") == "The last 2 builds: 2 and 1 failed."


def test_a_list_that_is_too_long_to_remember_is_counted(alexa: Conversation, domain: Domain) -> None:
    domain(list_builds=a_history(*("failed", "succeeded") * 3))
    assert alexa.say("list_builds", count="6", outcome="") == "3 of the last 6 builds succeeded."
    assert "6: failed" in alexa.card


# Amounts


@pytest.mark.parametrize(
    ("dollars", "said", "written"),
    [
        (0.001, "one cent", "$0.01"),
        (0.46, "46 cents", "$0.46"),
        (0.999, "one dollar", "$1.00"),
        (1, "one dollar", "$1.00"),
        (5, "5 dollars", "$5.00"),
        (11.04, "11 dollars and 4 cents", "$11.04"),
        (1.01, "one dollar and one cent", "$1.01"),
        (99.996, "100 dollars", "$100.00"),
        (123.4, "123 dollars", "$123.40"),
    ],
)
def test_an_amount_is_said_in_dollars_and_cents(dollars: float, said: str, written: str) -> None:
    assert speak(say_money(dollars), "en-US") == said[0].upper() + said[1:]
    assert write(write_money(dollars), "en-US") == written


@pytest.mark.parametrize(
    ("locale", "said", "written"),
    [
        ("en-GB", "11 US dollars and one cent", "US$11.01"),
        ("de-DE", "11 Dollar und einen Cent", "11,01 US-Dollar"),
        ("fr-FR", "11 dollars et un cent", "11,01 dollars US"),
        ("fr-CA", "11 dollars américains et un cent", "11,01 dollars US"),
        ("es-ES", "11 dólares con un céntimo", "11,01 dólares estadounidenses"),
        ("es-MX", "11 dólares con un centavo", "11.01 dólares estadounidenses"),
        ("es-US", "11 dólares con un centavo", "11.01 dólares estadounidenses"),
        ("it-IT", "11 dollari e un centesimo", "11,01 dollari USA"),
        ("pt-BR", "11 dólares e um centavo", "US$ 11,01"),
        ("ja-JP", "11ドル1セント", "11.01ドル"),
    ],
)
def test_an_amount_has_the_words_of_the_locale(locale: str, said: str, written: str) -> None:
    assert speak(say_money(11.01), locale) == said
    assert write(write_money(11.01), locale) == written


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("es-ES", "céntimos de dólar"),
        ("es-MX", "centavos de dólar"),
        ("pt-BR", "centavos de dólar"),
        ("en-AU", "US cents"),
    ],
)
def test_cents_are_those_of_a_dollar(locale: str, said: str) -> None:
    assert speak(say_money(0.12), locale) == f"12 {said}"


# Spans


@pytest.mark.parametrize(
    ("locale", "seconds", "said"),
    [
        ("en-US", 5400, "An hour and a half"),
        ("en-US", 9000, "2 and a half hours"),
        ("en-US", 3600, "One hour"),
        ("en-US", 4500, "One hour and 15 minutes"),
        ("de-DE", 5400, "Anderthalb Stunden"),
        ("fr-FR", 9000, "2 heures et demie"),
        ("es-ES", 5400, "Una hora y media"),
        ("it-IT", 5400, "Un'ora e mezza"),
        ("pt-BR", 9000, "2 horas e meia"),
        ("ja-JP", 9000, "2時間半"),
    ],
)
def test_a_half_hour_is_said_as_people_do(locale: str, seconds: int, said: str) -> None:
    assert speak(say_limit(seconds), locale) == said


@pytest.mark.parametrize(
    ("locale", "minutes", "said"),
    [
        ("es-ES", 1, "Falta más o menos un minuto."),
        ("es-ES", 5, "Faltan más o menos 5 minutos."),
        ("it-IT", 60, "Manca circa un'ora."),
        ("it-IT", 120, "Mancano circa 2 ore."),
        ("pt-BR", 90, "Falta mais ou menos uma hora e meia."),
    ],
)
def test_the_verb_agrees_with_the_time_that_is_left(locale: str, minutes: int, said: str) -> None:
    span = say_duration(minutes * 60)
    assert speak(Sentence("time.left", span=span, count=count_units(span)), locale) == said


# Parameters


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("trainvolumesize", "10", "10 gigabytes"),
        ("trainmaxrun", "1.5", "an hour and a half"),
        ("trainmaxrun", "0.0833", "5 minutes"),
        ("hyperparameters.rate", "0.5", "0.5"),
    ],
)
def test_a_value_has_its_unit(name: str, value: str, said: str) -> None:
    assert (
        write(Sentence("parameter.value", parameter=name, value=say_parameter(name, value)), "en-US")
        == f"{name} is {said}."
    )


@pytest.mark.parametrize(
    ("said", "phrase"),
    [
        ({"traininstancecount": "2", "traininstancetype": "ml.m5.xlarge"}, "2 instances of m5 xlarge"),
        ({"traininstancecount": "1"}, "one training instance"),
        ({"trainvolumesize": "20"}, "a 20 gigabyte training disk"),
        ({"trainmaxrun": "2.5"}, "a time limit of 2 and a half hours"),
        ({"maxtrainingjobs": "10"}, "10 tuning trials"),
        ({"hostinstancecount": "3"}, "3 hosting instances"),
        ({"hostinstancetype": "ml.m5.large"}, "hosting on m5 large"),
        ({"hyperparameters.batch_size": "64"}, "batch size at 64"),
    ],
)
def test_a_parameter_of_one_build_is_said_in_its_own_words(said: dict[str, str], phrase: str) -> None:
    assert write(list_changes(said), "en-US") == phrase


@pytest.mark.parametrize(
    ("name", "value"), [("trainvolumesize", "20000"), ("trainmaxrun", "1000"), ("maxtrainingjobs", "0")]
)
def test_a_value_beyond_the_limits_is_refused_with_them(name: str, value: str) -> None:
    refusal = find_refusal(None, name, value)  # type: ignore[arg-type]  # limits need no service
    assert refusal
    assert not refusal.lowest <= float(value) <= refusal.highest


# Steps


def test_every_step_of_the_state_machine_has_words_of_its_own() -> None:
    states: dict[str, Any] = json.loads((ROOT / "statemachine.asl.json").read_text(encoding="utf-8"))["States"]
    steps = {name for name, state in states.items() if state["Type"] in ("Task", "Wait", "Map")}
    named = {step for step in steps if say_step(step).key == "doing.step"}
    assert named == {"Ask For Approval", "Run Postprocessing"}
    assert {say_step(step).key for step in ("Verify Scoring Model", "Transform Data")} == {"doing.transform"}
    assert say_step("Verify Model").key == "doing.deploy"


# The forms of a locale


@pytest.mark.parametrize("path", sorted(LANGUAGES.glob("*.json")), ids=lambda path: path.stem)
def test_a_locales_own_sentences_have_the_form_of_the_languages_ones(path: Any) -> None:
    language = json.loads(path.read_text(encoding="utf-8"))
    for locales, sentences in language.get("regional", {}).items():
        assert set(locales.split()) <= set(language["locales"])
        for key, text in sentences.items():
            original = language["sentences"][key]
            assert type(text) is type(original), key
            assert text != original, key
            forms, originals = (list(one.values()) if isinstance(one, dict) else [one] for one in (text, original))
            for form, said in zip(forms, originals, strict=True):
                assert form.count("{") == said.count("{"), key
                assert form.endswith("?") == said.endswith("?"), key
