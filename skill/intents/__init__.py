"""The intents that the skill understands. Each module here handles one use case and declares its intents in INTENTS."""

from importlib import import_module
from pathlib import Path

from skill.conversation import Intent
from skill.intents import session, touch

__all__ = ["INTENTS", "REQUESTS"]


REQUESTS = (*session.REQUESTS, *touch.REQUESTS)


def _load_intents() -> dict[str, Intent]:
    modules = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))
    declared: list[tuple[Intent, ...]] = [import_module(f"{__name__}.{module}").INTENTS for module in modules]
    return {intent.name: intent for intents in declared for intent in intents}


INTENTS = _load_intents()
