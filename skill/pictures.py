"""Draws a build's progress, and the buttons of an approval, in the Alexa Presentation Language (APL)."""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ask_sdk_model import RequestEnvelope

from skill.conversation import Answer, Confirmation, Picture
from skill.speech import Sentence, write

if TYPE_CHECKING:
    from ask_sdk_model.interfaces.alexa.presentation.apl import RenderDocumentDirective

    from sagebuild.builds.status import BuildStatus

PROGRESS = Path(__file__).parent / "progress.apl.json"
APPROVAL = Path(__file__).parent / "approval.apl.json"

# The phases of a build, as words of the state machine's steps. A step belongs to the first phase with a word of it.
PHASES = (
    ("Plan", "Preprocess", "Source", "Process Data"),
    ("Image", "Train", "Tune", "Best", "Earlier", "Evaluate", "Quality"),
    ("Model", "Approval", "Transform", "Endpoint", "Component", "Smoke", "Scal", "Wake", "Postp"),
)
_LAST = len(PHASES)


class Buttons(NamedTuple):
    """A question about an approval, in words, and what a yes to it confirms; the buttons send that to the skill."""

    text: Sentence
    question: Confirmation


def show_progress(build: "BuildStatus") -> Picture:
    """Return the picture of a build."""
    state = build.outcome if build.outcome in ("running", "succeeded", "withheld") else "failed"
    reached = _LAST if build.outcome == "succeeded" else _find_phase(build.step or "")
    return Picture(Sentence("card.title", number=build.number), reached, state)


def has_screen(envelope: RequestEnvelope) -> bool:
    """Return True if the device can show pictures."""
    device = envelope.context and envelope.context.system and envelope.context.system.device
    interfaces = device and device.supported_interfaces
    return bool(interfaces and interfaces.alexa_presentation_apl)


def draw_answer(answer: Answer, locale: object) -> "RenderDocumentDirective | None":
    """Return the directive that shows an answer's buttons, else its picture; None if it has neither."""
    if buttons := _find_buttons(answer):
        return _draw_buttons(buttons, locale)
    return _draw(answer.picture, locale) if answer.picture else None


def _draw(picture: Picture, locale: object) -> "RenderDocumentDirective":
    """Return the directive that shows the picture."""
    # Importing it takes a third of the time of a first reply.
    from ask_sdk_model.interfaces.alexa.presentation.apl import RenderDocumentDirective

    names = [Sentence("phase.plan"), Sentence("phase.train"), Sentence("phase.deploy"), Sentence("phase.live")]
    phases = [{"name": write(name, locale), "state": _choose_state(place, picture)} for place, name in enumerate(names)]
    return RenderDocumentDirective(
        token="progress",
        document=_load_document(PROGRESS),
        datasources={"build": {"title": write(picture.title, locale), "phases": phases}},
    )


def _find_buttons(answer: Answer) -> Buttons | None:
    """Return the buttons for the answer's question; None if it does not ask for an approval, or asks for the PIN."""
    question = answer.confirmation
    if not question or question.intent != "ApproveBuildIntent" or question.awaits_pin or not answer.sentence:
        return None
    return Buttons(answer.sentence, question)


def _draw_buttons(buttons: Buttons, locale: object) -> "RenderDocumentDirective":
    """Return the directive that shows the question with a button for each answer."""
    from ask_sdk_model.interfaces.alexa.presentation.apl import RenderDocumentDirective

    choices = [
        {"label": write(Sentence("button.approve"), locale), "answer": "approve", "color": "#2e9e5b"},
        {"label": write(Sentence("button.reject"), locale), "answer": "reject", "color": "#c0392b"},
    ]
    return RenderDocumentDirective(
        token="approval",
        document=_load_document(APPROVAL),
        datasources={
            "question": {
                "text": write(buttons.text, locale),
                "choices": choices,
                "pipeline": buttons.question.pipeline,
                **buttons.question.values,
            }
        },
    )


def _choose_state(place: int, picture: Picture) -> str:
    if place < picture.reached or picture.state == "succeeded":
        return "done"
    return picture.state if place == picture.reached else "ahead"


def _find_phase(step: str) -> int:
    """Find the phase of a step: Train Model belongs to training, Create Model to deployment."""
    for phase, words in enumerate(PHASES):
        if any(word in step for word in words):
            return phase
    return 0


@cache
def _load_document(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
