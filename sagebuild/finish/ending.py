"""How the execution of a build ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Ending:
    """How an execution ended: Step Functions' status, error, cause and output, and the time."""

    status: str
    error: str = ""
    cause: str = ""
    stopped_at: datetime | None = None
    output: str = ""  # JSON

    @property
    def withheld(self) -> str:
        """Why the model was withheld; empty for any other outcome."""
        content: Any = json.loads(self.output) if self.output else {}
        return str(content.get("withheld", "")) if isinstance(content, dict) else ""
