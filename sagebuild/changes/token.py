"""Tokens of planned changes: text that holds a change, what it depends on, and a checksum.

A token is no permission and holds no secret: applying it needs the same rights as the change itself.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, Literal, cast, get_args

from sagebuild.changes.basis import Basis
from sagebuild.errors import InputError
from sagebuild.service import Service

Action = Literal["start", "stop", "approve", "reject", "roll back", "set parameters", "promote"]
ACTIONS: tuple[Action, ...] = get_args(Action)
_CHECKSUM_BYTES = 6


@dataclass(frozen=True)
class Change:
    """A planned change, as its token holds it.

    Parameters
    ----------
    id
        Distinguishes this plan from every other one, so that a change is made once.
    action
        What is done.
    stack, pipeline
        Where: the key of the stack, and the pipeline's name.
    number
        The build that is started, stopped, approved, rejected or promoted; of a rollback, the build that is restored.
    parameters
        The parameters of a build that is started; of "set parameters", the new values by dotted name; of "promote",
        the receiving pipeline.
    basis
        What the change depends on.
    removed
        Of "set parameters": the dotted names that are removed from the document, so that their defaults apply.
    """

    id: str
    action: Action
    stack: str
    pipeline: str
    number: int
    parameters: Mapping[str, Any]
    basis: Basis
    removed: Sequence[str] = ()


def write_token(change: Change) -> str:
    """Return the token of a change, of letters, digits, hyphens and underscores."""
    content = json.dumps(_to_plain(change), separators=(",", ":")).encode()
    return urlsafe_b64encode(_hash(content) + content).decode().rstrip("=")


def read_token(service: Service, token: str) -> Change:
    """Return the change of a token.

    Raises
    ------
    InputError
        The token is incomplete or mistyped, or it belongs to another stack.
    """
    try:
        data = urlsafe_b64decode(token.strip() + "=" * (-len(token.strip()) % 4))
        checksum, content = data[:_CHECKSUM_BYTES], data[_CHECKSUM_BYTES:]
        change = _from_plain(json.loads(content)) if checksum == _hash(content) else None
    except ValueError:
        change = None
    if change is None:
        raise InputError("The token of the change is incomplete or mistyped; plan the change again.")
    if change.stack != service.stack_key:
        raise InputError(f"The token belongs to another stack than {service.stack_name}; plan the change again.")
    return change


def _to_plain(change: Change) -> list[Any]:
    # Positions instead of names keep a token short, because people and assistants copy it.
    basis = asdict(change.basis)
    return [
        change.id,
        ACTIONS.index(change.action),
        change.stack,
        change.pipeline,
        change.number,
        dict(change.parameters),
        [*basis.values()],
        [*change.removed],
    ]


def _from_plain(plain: list[Any]) -> Change:
    change_id, action, stack, pipeline, number, parameters, basis, removed = plain
    known = cast("Action", ACTIONS[action])
    return Change(change_id, known, stack, pipeline, number, parameters, Basis(*basis), removed)


def _hash(content: bytes) -> bytes:
    return blake2b(content, digest_size=_CHECKSUM_BYTES).digest()
