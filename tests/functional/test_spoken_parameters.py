"""Hyperparameters, units, machine sizes and the next build's cost, through the skill's own handler on moto."""

import io
import json
from typing import Any

import pytest

from sagebuild.builds.lock import read_state
from sagebuild.builds.records import read_build
from sagebuild.client.alexa import say
from sagebuild.parameters.store import read_document, write_document
from skill.app import handler
from tests.alexa import SKILL_ID, Conversation
from tests.functional.conftest import SCRIPT, Stack


@pytest.fixture(autouse=True)
def document(stack: Stack, alexa: Conversation) -> None:  # noqa: ARG001
    given = {"hyperparameters": {"epochs": 10, "learning_rate": 0.1}}
    write_document(stack.service, SCRIPT | given, overwrite=True)


@pytest.mark.parametrize(
    ("heard", "name", "said"),
    [
        ("hyperparameters.epochs", "epochs", "That changes epochs from 10 to 20 for every build"),
        ("learning rate", "learning_rate", "That changes learning rate from 0.1 to 20 for every build"),
    ],
)
def test_a_hyperparameter_is_set(stack: Stack, alexa: Conversation, heard: str, name: str, said: str) -> None:
    assert alexa.say("set_parameter", parameter=heard, number="20").startswith(said)
    assert alexa.say("yes").startswith("Done: ")
    assert json.loads(read_document(stack.service))["hyperparameters"][name] == 20


def test_a_fraction_has_the_decimal_sign_of_the_language(alexa: Conversation) -> None:
    german = {"locale": "de-DE", "parameter": "learning rate"}
    assert "0,1" in alexa.say("read_parameter", **german)
    assert "auf 20 statt auf 0,1" in alexa.say("set_parameter", number="20", **german)
    assert "0,1" in alexa.say("yes", locale="de-DE")


@pytest.mark.usefixtures("alexa")
def test_a_command_line_conversation_knows_the_hyperparameters_that_the_skill_has_sent(stack: Stack) -> None:
    """`sagebuild say` on the skill's own handler."""

    class Function:
        exceptions = stack.service.functions.exceptions

        def get_function_configuration(self, **_request: Any) -> dict[str, Any]:
            return {"Environment": {"Variables": {"SKILL_ID": SKILL_ID}}}

        def invoke(self, Payload: str, **_request: Any) -> dict[str, Any]:  # noqa: N803
            return {"Payload": io.StringIO(json.dumps(handler(json.loads(Payload), None)))}

    stack.service.__dict__["functions"] = Function()
    first = say(stack.service, "what is the training disk", session=say(stack.service, "open sage build").session)
    asked = say(stack.service, "set the learning rate to 5", session=first.session)
    assert asked.speech.startswith("That changes learning rate from 0.1 to 5 for every build")
    assert say(stack.service, "yes", session=asked.session).speech.startswith(
        "Done: learning rate was 0.1 and is now 5"
    )


def test_a_hyperparameter_is_read_and_overridden_for_one_build(stack: Stack, alexa: Conversation) -> None:
    assert alexa.say("read_parameter", parameter="learning rate") == "Learning rate is 0.1."
    assert "that's epochs at 3. Shall I start it?" in alexa.say("start_build", parameter="epochs", number="3")
    alexa.say("yes")
    overrides = json.loads(read_build(stack.service, 1).overrides)["hyperparameters"]
    assert (overrides["epochs"], overrides["learning_rate"]) == (3, 0.1)
    assert json.loads(read_document(stack.service))["hyperparameters"]["epochs"] == 10


def test_a_hyperparameter_that_the_document_lacks_is_asked_for(alexa: Conversation) -> None:
    asked = "Sorry, I don't know momentum: what did you mean?"
    assert alexa.say("set_parameter", parameter="momentum", number="20") == asked
    assert alexa.is_open


def test_alexa_learns_the_hyperparameters_of_the_document(alexa: Conversation) -> None:
    alexa.say("start_build")
    assert alexa.parameters == {
        "epochs": "hyperparameters.epochs",
        "learning rate": "hyperparameters.learning_rate",
    }


@pytest.mark.parametrize(
    ("slots", "said"),
    [
        ({"parameter": "trainvolumesize", "gigabytes": "20"}, "from 10 gigabytes to 20 gigabytes for every build"),
        ({"parameter": "trainmaxrun", "minutes": "90"}, "from 4 hours to an hour and a half for every build"),
        ({"parameter": "trainmaxrun", "hours": "2"}, "from 4 hours to 2 hours for every build"),
        ({"parameter": "trainmaxrun", "gigabytes": "2"}, "What should the training time limit be, in hours?"),
    ],
)
def test_values_have_units(alexa: Conversation, slots: dict[str, str], said: str) -> None:
    assert said in alexa.say("set_parameter", **slots)


@pytest.mark.parametrize(
    ("slots", "said"),
    [
        ({"hours": "2"}, "on one m5 large instance for up to 2 hours"),
        ({"gigabytes": "50"}, "that's a 50 gigabyte training disk"),
        ({"size": "bigger"}, "on one m5 xlarge instance for up to 4 hours"),
        ({"size": "smaller"}, "no smaller one of its family is known in the region. What should the training instance"),
    ],
)
def test_a_build_starts_with_units_and_sizes(alexa: Conversation, slots: dict[str, str], said: str) -> None:
    assert said in alexa.say("start_build", **slots)
    assert alexa.is_open


def test_the_cost_of_the_next_build_is_said(alexa: Conversation) -> None:
    assert alexa.say("estimate_next_cost") == "Build 1 would cost at most 51 cents."


def test_the_cost_after_a_question_is_that_of_the_question(stack: Stack, alexa: Conversation) -> None:
    alexa.say("start_build", hours="1")
    assert alexa.say("estimate_cost", number="") == (
        "Build 1 would cost at most 13 cents. Shall I start build 1, yes or no?"
    )
    assert alexa.say("yes") == "Build 1 has started."
    assert read_state(stack.service).last_number == 1
