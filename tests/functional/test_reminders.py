""" "Tell me when it is done": the skill's own handler on moto, and a stand-in for Alexa's reminders over HTTP."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sagebuild.builds.records import Trigger
from sagebuild.launch.start import launch_build
from skill.app import handler
from tests.alexa import Conversation, Envelope
from tests.functional.conftest import Stack
from tests.functional.test_voice import add_build, write_access
from tools.generate_interaction_models import list_languages, read_language

VOICE = Trigger("voice")
PERMISSION = "alexa::alerts:reminders:skill:readwrite"


class Reminders(ThreadingHTTPServer):
    """Answers as Alexa's reminders do, with one status for all, and keeps the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.requests: list[tuple[str, str, dict[str, Any]]] = []

    @property
    def url(self) -> str:
        """The address that requests of Alexa's name."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Reminders

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, self.headers["Authorization"], body))
        answer = b"{}"
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments: Any) -> None:
        """Print nothing."""


@pytest.fixture
def reminders() -> Iterator[Reminders]:
    with Reminders() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def speaker(alexa: Conversation, reminders: Reminders) -> Conversation:  # noqa: ARG001
    """A person whose requests name the stand-in as Amazon's address."""

    def send(envelope: Envelope) -> Envelope:
        envelope["context"]["System"] |= {"apiEndpoint": reminders.url, "apiAccessToken": "the-token"}
        return handler(envelope, None)

    return Conversation(send)


@pytest.fixture
def running(stack: Stack) -> int:
    """A build that runs, after one that took two hours."""
    add_build(stack.service, seconds=7200)
    return launch_build(stack.service, VOICE).number


@pytest.mark.usefixtures("running")
def test_a_yes_creates_a_reminder_for_the_time_at_which_the_build_should_end(
    speaker: Conversation, reminders: Reminders
) -> None:
    asked = speaker.say("request_notice")
    assert asked == "Build 2 should be done in about 2 hours: shall I remind you then?"
    assert reminders.requests == [], "nothing happens before the yes"
    assert speaker.say("yes") == "All right, I'll remind you in about 2 hours."
    ((path, authorization, body),) = reminders.requests
    assert (path, authorization) == ("/v1/alerts/reminders", "Bearer the-token")
    assert 7100 <= body["trigger"].pop("offsetInSeconds") <= 7200
    assert body["trigger"] == {"type": "SCHEDULED_RELATIVE"}
    text = "Build 2 should be done now. Ask sage build how it went."
    assert body["alertInfo"] == {"spokenInfo": {"content": [{"locale": "en-US", "text": text}]}}


@pytest.mark.usefixtures("running")
def test_a_no_creates_none(speaker: Conversation, reminders: Reminders) -> None:
    speaker.say("request_notice")
    speaker.say("no")
    assert reminders.requests == []


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("status", [401, 403])
def test_without_the_permission_the_app_shows_a_card_that_asks_for_it(
    speaker: Conversation, reminders: Reminders, status: int
) -> None:
    reminders.status = status
    speaker.say("request_notice")
    assert speaker.say("yes").startswith("For that I need your permission for reminders")
    assert speaker.response["response"]["card"] == {"type": "AskForPermissionsConsent", "permissions": [PERMISSION]}


@pytest.mark.usefixtures("running")
def test_a_reminder_that_alexa_does_not_take_is_not_promised(speaker: Conversation, reminders: Reminders) -> None:
    reminders.status = 503
    speaker.say("request_notice")
    assert speaker.say("yes") == "Alexa didn't take the reminder, so I won't be able to tell you."


@pytest.mark.usefixtures("running")
def test_a_reader_may_ask_for_a_reminder(speaker: Conversation, stack: Stack, reminders: Reminders) -> None:
    write_access(stack.service, json.dumps({"writers": ["amzn1.ask.account.SOMEONE"]}))
    speaker.say("request_notice")
    speaker.say("yes")
    assert len(reminders.requests) == 1


@pytest.mark.usefixtures("reminders")
def test_without_an_estimate_the_answer_explains_the_notifications(speaker: Conversation, stack: Stack) -> None:
    launch_build(stack.service, VOICE)
    assert speaker.say("request_notice").startswith("I can't call you myself")
    assert "aws sns subscribe" in speaker.card


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("language", list_languages())
def test_every_language_offers_and_sets_a_reminder(speaker: Conversation, reminders: Reminders, language: str) -> None:
    locale = read_language(language)["locales"][0]
    speaker.say("request_notice", locale)
    speaker.say("yes", locale)
    ((_, _, body),) = reminders.requests
    (content,) = body["alertInfo"]["spokenInfo"]["content"]
    assert content["locale"] == locale
    assert "2" in content["text"]
