"""Reads who may speak to the skill, from an optional SSM parameter, and counts attempts at the PIN."""

from __future__ import annotations

import hmac
import time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from sagebuild.errors import ParameterError
from sagebuild.service import Service, aws_call, suppress_code

ATTEMPTS = 3
LOCK_SECONDS = 900

# The prefix of the ids of people; those of accounts begin with amzn1.ask.account.
_PERSON = "amzn1.ask.person."
# Alexa recognized the voice; 400 if the person has also confirmed their profile PIN:
# https://developer.amazon.com/docs/custom-skills/add-personalization-to-your-skill.html
RECOGNIZED = 300

Identity = Annotated[str, StringConstraints(pattern=r"^amzn1\.")]


class Access(BaseModel):
    """The document of the SSM parameter; an empty list allows everyone.

    Parameters
    ----------
    readers
        User and person ids that may ask. Writers may ask too.
    writers
        User and person ids that may change something.
    pin
        Four digits, which some changes need; empty if none needs a PIN.
    confidence
        The least confidence with which Alexa must recognize a voice: 300, or 400 with the profile PIN.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    readers: tuple[Identity, ...] = ()
    writers: tuple[Identity, ...] = ()
    pin: Annotated[str, StringConstraints(pattern=r"^(\d{4})?$")] = ""
    confidence: Literal[300, 400] = 300

    def trust(self, identities: frozenset[str], confidence: int) -> frozenset[str]:
        """Return the ids of a speaker, without the person's if Alexa recognized the voice with less confidence."""
        if confidence >= self.confidence:
            return identities
        return frozenset(one for one in identities if not one.startswith(_PERSON))

    def may_read(self, identities: frozenset[str]) -> bool:
        """Return False if there are readers, and no id of the speaker is a reader or a writer."""
        return not self.readers or bool(identities & {*self.readers, *self.writers})

    def may_write(self, identities: frozenset[str]) -> bool:
        """Return False if there are writers and no id of the speaker is one, or if the speaker may not read."""
        return self.may_read(identities) if not self.writers else bool(identities & {*self.writers})


def read_access(service: Service) -> Access:
    """Read the document; without the SSM parameter, everyone may speak.

    Raises
    ------
    ParameterError
        The document is invalid. The caller must then allow no one.
    """
    name = service.settings.access_name
    with aws_call("read who may speak to the skill"):
        try:
            text = service.ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        except service.ssm.exceptions.ParameterNotFound:
            return Access()
    try:
        return Access.model_validate_json(text)
    except ValidationError as error:
        # pydantic's own message quotes the input, which may be the PIN.
        places = ", ".join(".".join(map(str, one["loc"])) or "its JSON" for one in error.errors(include_input=False))
        raise ParameterError(
            f"The SSM parameter {name} is invalid at {places}; docs/alexa.md has an example."
        ) from None


def delete_access(service: Service) -> None:
    """Delete the document, if there is one."""
    with aws_call("delete who may speak to the skill"), suppress_code("ParameterNotFound"):
        service.ssm.delete_parameter(Name=service.settings.access_name)


def check_pin(service: Service, pin: str, given: str) -> int | None:
    """Compare a PIN. The attempt is counted first, so that parallel requests get no extra attempts.

    Returns
    -------
    int or None
        None if the PIN is right, else the number of attempts that are left. After 0, no PIN is accepted for
        `LOCK_SECONDS`.
    """
    attempts = _count_attempt(service)
    if attempts is None:
        return 0
    if hmac.compare_digest(pin.encode(), given.encode()):
        _write_attempts(service, "SET attempts = :none REMOVE locked_until", {":none": {"N": "0"}})
        return None
    return ATTEMPTS - attempts


def _count_attempt(service: Service) -> int | None:
    """Count this attempt, and return the number of attempts since the last right PIN; None if the PIN is locked."""
    now = int(time.time())
    if _write_attempts(
        service,
        "SET attempts = :one, locked_until = :until",
        {":one": {"N": "1"}, ":until": {"N": str(now + LOCK_SECONDS)}, ":now": {"N": str(now)}},
        "attribute_not_exists(locked_until) OR locked_until < :now",
    ):
        return 1
    return _write_attempts(
        service,
        "ADD attempts :one SET locked_until = :until",
        {":one": {"N": "1"}, ":until": {"N": str(now + LOCK_SECONDS)}, ":max": {"N": str(ATTEMPTS)}},
        "attempts < :max",
    )


def _write_attempts(
    service: Service, update: str, values: dict[str, dict[str, str]], condition: str | None = None
) -> int | None:
    """Update the count and return it; None if the condition did not hold."""
    with aws_call("count an attempt at the PIN"):
        try:
            answer = service.dynamodb.update_item(
                TableName=service.settings.builds_table,
                Key={"kind": {"S": "pin"}, "number": {"N": "0"}},
                UpdateExpression=update,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                **({"ConditionExpression": condition} if condition else {}),  # type: ignore[arg-type]
            )
        except service.dynamodb.exceptions.ConditionalCheckFailedException:
            return None
    return int(answer["Attributes"]["attempts"]["N"])
