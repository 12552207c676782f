"""What several unit tests of the skill share."""

import pytest

from sagebuild.voice.access import Access
from skill.app import handler
from tests.alexa import Conversation
from tests.unit.skill_domain import Domain


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> Domain:
    """Fake the functions of sagebuild that the skill calls."""
    return Domain(monkeypatch)


@pytest.fixture
def alexa(domain: Domain, socket_disabled: None) -> Conversation:  # noqa: ARG001
    """Speak to the skill, as someone who may do everything."""
    domain(read_access=Access())
    return Conversation(lambda envelope: handler(envelope, None))
