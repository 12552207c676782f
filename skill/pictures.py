"""Draws a build's progress on devices with a screen, in the Alexa Presentation Language (APL)."""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ask_sdk_model import RequestEnvelope

from skill.conversation import Picture
from skill.speech import Sentence, write

if TYPE_CHECKING:
    from ask_sdk_model.interfaces.alexa.presentation.apl import RenderDocumentDirective

    from sagebuild.builds.status import BuildStatus

DOCUMENT = Path(__file__).parent / "progress.apl.json"

# The phases of a build, as words of the state machine's steps. A step belongs to the first phase with a word of it.
PHASES = (
    ("Plan", "Preprocess", "Source", "Process Data"),
    ("Image", "Train", "Tune", "Best", "Earlier", "Evaluate", "Quality"),
    ("Model", "Approval", "Transform", "Endpoint", "Smoke", "Scal", "Wake", "Postp"),
)
_LAST = len(PHASES)


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


def draw(picture: Picture, locale: object) -> "RenderDocumentDirective":
    """Return the directive that shows the picture."""
    # Importing it takes a third of the time of a first reply.
    from ask_sdk_model.interfaces.alexa.presentation.apl import RenderDocumentDirective

    names = [Sentence("phase.plan"), Sentence("phase.train"), Sentence("phase.deploy"), Sentence("phase.live")]
    phases = [{"name": write(name, locale), "state": _choose_state(place, picture)} for place, name in enumerate(names)]
    return RenderDocumentDirective(
        token="progress",
        document=_load_document(),
        datasources={"build": {"title": write(picture.title, locale), "phases": phases}},
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
def _load_document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    return document
