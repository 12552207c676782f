"""Lets in who may speak: reads and writes apart, and the PIN before what a person may regret."""

import logging
import os
from typing import Literal

from skill import builds
from skill.conversation import Answer, Confirmation, SpokenError, Turn
from skill.speech import Sentence

logger = logging.getLogger("sagebuild")


def refuse_strangers(turn: Turn, needs: Literal["nothing", "read", "write"]) -> None:
    """Look whether the speaker is allowed what an intent needs.

    Raises
    ------
    SpokenError
        Not allowed, or AWS did not tell who is.
    """
    if needs == "nothing":
        return
    logger.info("%s asks by %s to %s", turn.request_id, _hash(turn.identities), needs)
    access = builds.read_access()
    if not access.may_read(turn.identities):
        raise SpokenError(Sentence("refused.read"))
    if needs == "write" and not access.may_write(turn.identities):
        raise SpokenError(Sentence("refused.write"))


def ask_for_pin(confirmation: Confirmation) -> Answer | None:
    """The question for the PIN, if there is one."""
    if not builds.read_access().pin:
        return None
    awaiting = Confirmation(confirmation.intent, confirmation.values, awaits_pin=True)
    return Answer(Sentence("pin.question"), reprompt=Sentence("pin.question"), confirmation=awaiting)


def judge_pin(confirmation: Confirmation, given: str) -> Answer | None:
    """Why the PIN does not do, or None if it does."""
    left = builds.check_pin(given)
    if left is None:
        return None
    if not left:
        return Answer(Sentence("pin.locked"))
    wrong = Sentence("pin.wrong", count=left)
    return Answer(wrong, reprompt=wrong, confirmation=confirmation)


def _hash(identities: frozenset[str]) -> str:
    """Speakers as the log names them: always the same, and no id of Amazon's."""
    import hashlib  # as slow to load as all intents together, and not needed for the first reply

    salt = os.environ.get("SKILL_ID", "")
    return "+".join(sorted(hashlib.sha256(f"{salt} {one}".encode()).hexdigest()[:12] for one in identities)) or "nobody"
