"""What ValidateStateMachineDefinition reports about a definition.

The codes: https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinitionDiagnostic.html
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One problem of a definition, in the service's terms; some have no location."""

    code: str
    message: str
    location: str | None
    severity: str = "ERROR"

    def __str__(self) -> str:
        return f"{self.code}: {self.message} at {self.location or 'null'}"

    @property
    def diagnostic(self) -> dict[str, str]:
        """The problem as an element of the answer."""
        fields = {"severity": self.severity, "code": self.code, "message": self.message}
        return fields | ({"location": self.location} if self.location else {})


def invalid(message: str, location: str | None) -> Problem:
    """A violation of the language's schema."""
    return Problem("SCHEMA_VALIDATION_FAILED", message, location)
