"""Writes the mail of topics as files into the engine's data folder."""

import re
import uuid
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from local import config

_SENDER = "AWS Notifications <no-reply@sns.amazonaws.com>"


def write(recipient: str, subject: str, body: str) -> Path:
    """Write a mail as an .eml file into ``mail/``; file names sort by time."""
    now = datetime.now(UTC)
    message = EmailMessage()
    message["From"] = _SENDER
    message["To"] = recipient
    message["Subject"] = " ".join(subject.split())
    message["Date"] = format_datetime(now)
    message.set_content(body)
    folder = config.current().data / "mail"
    folder.mkdir(parents=True, exist_ok=True)
    to = re.sub(r"[^\w@.+-]", "_", recipient)
    path = folder / f"{now:%Y%m%dT%H%M%S.%f}-{to}-{uuid.uuid4().hex[:8]}.eml"
    # The rename makes the file appear only when it is complete.
    part = path.with_suffix(".part")
    part.write_bytes(message.as_bytes())
    return part.rename(path)
