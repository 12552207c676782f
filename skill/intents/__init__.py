"""The intents that the skill understands. Each module here handles one use case and declares its intents in INTENTS."""

import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from skill.conversation import Intent
from skill.intents import session

__all__ = ["INTENTS", "REQUESTS", "find_intent"]

INTENTS: dict[str, Intent]
REQUESTS: tuple[Intent, ...]

_FOLDER = Path(__file__).parent
# The modules of the intents that do not have the name of their module.
_MODULES = {
    "AMAZON.NoIntent": "confirmation",
    "AMAZON.RepeatIntent": "confirmation",
    "AMAZON.YesIntent": "confirmation",
    "Alexa.Presentation.APL.UserEvent": "touch",
    "ApproveBuildIntent": "answer_approval",
    "GivePinIntent": "confirmation",
    "RejectBuildIntent": "answer_approval",
}


def __getattr__(name: str) -> Any:
    if name in ("INTENTS", "REQUESTS"):
        return _load_all()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _load_all() -> dict[str, Any]:
    """Import the modules of all intents."""
    modules = [_import(path.stem) for path in sorted(_FOLDER.glob("[!_]*.py"))]
    return {
        "INTENTS": {intent.name: intent for module in modules for intent in module.INTENTS},
        "REQUESTS": tuple(request for module in modules for request in getattr(module, "REQUESTS", ())),
    }


def find_intent(name: str) -> Intent | None:
    """Return the intent, or the request of another type, with this name; None if there is none.

    A cold start imports only its module: `start_build` declares StartBuildIntent, and `_MODULES` has the others.
    """
    known = [*session.REQUESTS, *session.INTENTS]
    module = _MODULES.get(name) or re.sub(r"(?<!^)(?=[A-Z])", "_", name.removesuffix("Intent")).lower()
    if re.fullmatch("[a-z_]*[a-z]", module) and (_FOLDER / f"{module}.py").is_file():
        found = _import(module)
        known += [*found.INTENTS, *getattr(found, "REQUESTS", ())]
    return next((intent for intent in known if intent.name == name), None)


def _import(module: str) -> Any:
    return import_module(f"{__name__}.{module}")
