"""Decides what a speaker may do: read, write, and confirm with the PIN."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING

from sagebuild.settings import Settings
from skill.conversation import Answer, Confirmation, Intent, SpokenError, Turn
from skill.domain import reading
from skill.speech import Sentence

if TYPE_CHECKING:
    from sagebuild.voice.access import Access

ACCESS_KEPT_SECONDS = 30.0

logger = logging.getLogger("sagebuild")

_access: tuple[float, Access] | None = None


def refuse_strangers(turn: Turn, needs: str) -> None:
    """Check that the speaker has the permission that an intent needs: "nothing", "read" or "write".

    Raises
    ------
    SpokenError
        The speaker is not allowed, or AWS did not answer.
    """
    if needs == "nothing":
        return
    logger.info("%s by %s needs to %s", turn.request_id, _hash(turn.identities), needs)
    access = read_access()
    identities = access.trust(turn.identities, turn.confidence)
    if not access.may_read(identities):
        raise SpokenError(Sentence("refused.read"))
    if needs == "write" and not access.may_write(identities):
        raise SpokenError(Sentence("refused.write"))


def read_access() -> Access:
    """Return who may speak to the skill; a warm function reads it again after half a minute."""
    global _access
    from sagebuild.errors import ParameterError
    from sagebuild.voice import access

    if _access is None or time.monotonic() - _access[0] > ACCESS_KEPT_SECONDS:
        with reading() as service:
            try:
                _access = time.monotonic(), access.read_access(service)
            except ParameterError as error:
                raise SpokenError(Sentence("error.access")) from error
    return _access[1]


def ask_for_pin(confirmation: Confirmation, asked_by: Intent) -> Answer | None:
    """Ask for the PIN; None if the intent or the stack needs none."""
    if not asked_by.asks_pin or not read_access().pin:
        return None
    awaiting = confirmation._replace(awaits_pin=True)
    return Answer(Sentence("pin.question"), reprompt=Sentence("pin.question"), confirmation=awaiting)


def refuse_pin(confirmation: Confirmation, given: str) -> Answer | None:
    """Say that the PIN is wrong or locked; None if it is right."""
    attempts_left = check_pin(given)
    if attempts_left is None:
        return None
    if not attempts_left:
        return Answer(Sentence("pin.locked"))
    wrong = Sentence("pin.wrong", count=attempts_left)
    return Answer(wrong, reprompt=wrong, confirmation=confirmation)


def check_pin(given: str) -> int | None:
    """Return None for the right PIN, else the number of attempts that are left."""
    from sagebuild.voice import access

    pin = read_access().pin
    with reading() as service:
        return access.check_pin(service, pin, given)


def _hash(identities: frozenset[str]) -> str:
    """Hash the speaker's ids, so that the log shows the same speaker again but never an id of Amazon."""
    import hashlib  # as slow to import as all intents together, and not needed for the first reply

    salt = Settings(os.environ).skill_id
    hashes = sorted(hashlib.sha256(f"{salt} {one}".encode()).hexdigest()[:12] for one in identities)
    return "+".join(hashes) or "a speaker without an id"
