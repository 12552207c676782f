"""Each conversation has the effects that all ways have in common, by voice: the skill's own handler, on moto."""

import pytest

from skill.app import handler
from tests.conversations.play import SITUATIONS, Situation, play
from tests.conversations.ways import Voice
from tests.conversations.world import World
from tests.functional.conftest import Stack


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation["name"])
@pytest.mark.usefixtures("alexa")
def test_a_conversation_by_voice(stack: Stack, situation: Situation) -> None:
    play(situation, Voice(lambda envelope: handler(envelope, None)), World(stack.service))
