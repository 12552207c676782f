"""Creates a reminder in Alexa, if the person has given the skill the permission.

https://developer.amazon.com/docs/alexa/smapi/alexa-reminders-api-reference.html
"""

import json
import logging
import os
from datetime import UTC, datetime
from typing import Any

from sagebuild.settings import Settings
from skill.conversation import Api, SpokenError
from skill.speech import Sentence, write

PERMISSION = "alexa::alerts:reminders:skill:readwrite"
_REFUSED = (401, 403)

logger = logging.getLogger("sagebuild")


class NotPermittedError(Exception):
    """The person has not given the skill the permission for reminders."""


def create_reminder(api: Api, seconds: int, text: Sentence) -> None:
    """Let Alexa say a sentence after some time, on the device of this request.

    Raises
    ------
    NotPermittedError
        The person has not given the permission.
    SpokenError
        Alexa did not accept the reminder.
    """
    # Importing it takes longer than all intents together, and no other reply needs it.
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    body = json.dumps(_describe(seconds, write(text, api.locale), api.locale)).encode()
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/json"}
    request = Request(f"{api.endpoint}/v1/alerts/reminders", body, headers)
    try:
        # The address is Alexa's, from a request with the skill's own id.
        with urlopen(request, timeout=Settings(os.environ).call_timeout_seconds):  # nosec B310
            return
    except HTTPError as error:
        if error.code in _REFUSED:
            raise NotPermittedError from error
        logger.warning("Alexa refused a reminder: %s", error)
        raise SpokenError(Sentence("notice.failed")) from error
    except (URLError, TimeoutError) as error:
        raise SpokenError(Sentence("notice.failed")) from error


def _describe(seconds: int, text: str, locale: str) -> dict[str, Any]:
    return {
        "requestTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}",
        "trigger": {"type": "SCHEDULED_RELATIVE", "offsetInSeconds": seconds},
        "alertInfo": {"spokenInfo": {"content": [{"locale": locale, "text": text}]}},
        "pushNotification": {"status": "ENABLED"},
    }
