"""Who may ask by voice, who may change something, and the PIN: one document that a person may put into SSM."""

from __future__ import annotations

import hmac
import time
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from sagebuild.errors import ParameterError
from sagebuild.service import Service, aws_call, suppress_code

ATTEMPTS = 3
LOCK_SECONDS = 900

Identity = Annotated[str, StringConstraints(pattern=r"^amzn1\.")]


class Access(BaseModel):
    """The document; an empty list lets everybody in.

    Parameters
    ----------
    readers
        User and person ids that may ask; writers may too.
    writers
        User and person ids that may change something.
    pin
        Four digits, asked before what a person may regret; empty: none is asked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    readers: tuple[Identity, ...] = ()
    writers: tuple[Identity, ...] = ()
    pin: Annotated[str, StringConstraints(pattern=r"^(\d{4})?$")] = ""

    def may_read(self, identities: frozenset[str]) -> bool:
        """Whether one of a speaker's ids may ask."""
        return not self.readers or bool(identities & {*self.readers, *self.writers})

    def may_write(self, identities: frozenset[str]) -> bool:
        """Whether one of a speaker's ids may change something: a voice that is not known is on no list."""
        return self.may_read(identities) if not self.writers else bool(identities & {*self.writers})


def read_access(service: Service) -> Access:
    """The document as it is now, or the open one if there is none.

    Raises
    ------
    ParameterError
        It cannot be read, so nobody is let in.
    """
    name = service.setting("ACCESS_NAME")
    with aws_call("read who may speak to the skill"):
        try:
            text = service.ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        except service.ssm.exceptions.ParameterNotFound:
            return Access()
    try:
        return Access.model_validate_json(text)
    except ValidationError as error:
        # Not pydantic's own sentence, which repeats what was given: it may be the PIN.
        places = ", ".join(".".join(map(str, one["loc"])) or "its JSON" for one in error.errors(include_input=False))
        raise ParameterError(f"The SSM parameter {name} is wrong at {places}; docs/alexa.md shows it right.") from None


def delete_access(service: Service) -> None:
    """Remove the document, if a person has written one."""
    with aws_call("delete who may speak to the skill"), suppress_code("ParameterNotFound"):
        service.ssm.delete_parameter(Name=service.setting("ACCESS_NAME"))


def check_pin(service: Service, pin: str, given: str) -> int | None:
    """Compare a PIN, and count the attempt before its result is known.

    Returns
    -------
    int or None
        None if it is right; else how many attempts are left, 0 once none is taken for `LOCK_SECONDS`.
    """
    attempts = _count_attempt(service)
    if attempts is None:
        return 0
    if hmac.compare_digest(pin.encode(), given.encode()):
        _write_attempts(service, "SET attempts = :none REMOVE locked_until", {":none": {"N": "0"}})
        return None
    return ATTEMPTS - attempts


def _count_attempt(service: Service) -> int | None:
    """This attempt's place among those since the last right one; None if there may be no more now."""
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
        {":one": {"N": "1"}, ":until": {"N": str(now + LOCK_SECONDS)}, ":most": {"N": str(ATTEMPTS)}},
        "attempts < :most",
    )


def _write_attempts(
    service: Service, update: str, values: dict[str, dict[str, str]], condition: str | None = None
) -> int | None:
    """How many attempts there are now; None if the condition did not hold."""
    with aws_call("count an attempt at the PIN"):
        try:
            answer = service.dynamodb.update_item(
                TableName=service.setting("BUILDS_TABLE"),
                Key={"kind": {"S": "pin"}, "number": {"N": "0"}},
                UpdateExpression=update,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                **({"ConditionExpression": condition} if condition else {}),  # type: ignore[arg-type]
            )
        except service.dynamodb.exceptions.ConditionalCheckFailedException:
            return None
    return int(answer["Attributes"]["attempts"]["N"])
